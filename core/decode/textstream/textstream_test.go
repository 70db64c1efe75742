package textstream

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestStream(t *testing.T) {
	tests := map[string]struct {
		stops  []string
		pieces []string
		want   []string // text of each Push, then of Flush
		stop   string
	}{
		"plain":                   {nil, []string{"a", "bc"}, []string{"a", "bc", ""}, ""},
		"empty stops are ignored": {[]string{""}, []string{"a"}, []string{"a", ""}, ""},
		"character in pieces":     {nil, []string{"\xe2", "\x82", "\xac!"}, []string{"", "", "€!", ""}, ""},
		"incomplete at the end":   {nil, []string{"a\xe2\x82"}, []string{"a", "\uFFFD\uFFFD"}, ""},
		"invalid byte":            {nil, []string{"\xff", "a"}, []string{"\uFFFD", "a", ""}, ""},
		"broken character":        {nil, []string{"\xe2", "a"}, []string{"", "\uFFFDa", ""}, ""},
		"broken by another":       {nil, []string{"\xe2\x82", "\xe2\x82\xac"}, []string{"", "\uFFFD\uFFFD€", ""}, ""},
		"surrogate":               {nil, []string{"\xed", "\xa0", "\x80"}, []string{"", "\uFFFD\uFFFD", "\uFFFD", ""}, ""},
		"stop in one piece":       {[]string{"END"}, []string{"aENDb", "c"}, []string{"a", "", ""}, "END"},
		"stop across pieces":      {[]string{"END"}, []string{"aE", "N", "Db"}, []string{"a", "", "", ""}, "END"},
		"stop that was none":      {[]string{"END"}, []string{"aE", "N", "x"}, []string{"a", "", "ENx", ""}, ""},
		"held at the end":         {[]string{"END"}, []string{"aEN"}, []string{"a", "EN"}, ""},
		"empty piece while held":  {[]string{"END"}, []string{"EN", "", "D"}, []string{"", "", "", ""}, "END"},
		"overlapping start":       {[]string{"aab"}, []string{"aa", "a", "b"}, []string{"", "a", "", ""}, "aab"},
		"first to end wins":       {[]string{"abcd", "bc"}, []string{"abcd"}, []string{"a", ""}, "bc"},
		"longest of equal ends":   {[]string{"c", "abc"}, []string{"xab", "c"}, []string{"x", "", ""}, "abc"},
		"stop inside a character": {[]string{"€"}, []string{"a\xe2\x82", "\xac"}, []string{"a", "", ""}, "€"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := New(test.stops)
			var got []string
			var stop string
			for _, p := range test.pieces {
				var text string
				text, stop, _ = s.Push([]byte(p))
				got = append(got, text)
			}
			got = append(got, s.Flush())
			require.Equal(t, test.want, got)
			require.Equal(t, test.stop, stop)
		})
	}
}

// naive is what a Stream does, given everything at once.
func naive(all string, stops []string) (text, stop string) {
	text = string([]rune(all))
	end := len(text) + 1
	for _, s := range stops {
		at := strings.Index(text, s)
		if s == "" || at < 0 {
			continue
		}
		if at+len(s) < end || at+len(s) == end && len(s) > len(stop) {
			end, stop = at+len(s), s
		}
	}
	if stop != "" {
		text = text[:end-len(stop)]
	}
	return text, stop
}

func FuzzStream(f *testing.F) {
	f.Add("hello END of it", "END", "of", []byte{3, 1, 200})
	f.Add("a\xe2\x82\xacb\xff", "€b", "", []byte{0, 1, 1, 1})
	f.Add("aaaaab", "aab", "ab", []byte{1})
	f.Fuzz(func(t *testing.T, all, stop1, stop2 string, cuts []byte) {
		if !utf8.ValidString(stop1) || !utf8.ValidString(stop2) {
			t.Skip("stop strings are text")
		}
		stops := []string{stop1, stop2}
		want, wantStop := naive(all, stops)

		s := New(stops)
		var got strings.Builder
		var gotStop string
		rest := all
		for i := 0; rest != ""; i++ {
			n := len(rest)
			if len(cuts) > 0 {
				n = min(n, int(cuts[i%len(cuts)])+i/len(cuts))
			}
			text, stop, stopped := s.Push([]byte(rest[:n]))
			if !utf8.ValidString(text) {
				t.Fatalf("Push returned %q", text)
			}
			if stopped != (stop != "") {
				t.Fatalf("stop %q, stopped %v", stop, stopped)
			}
			got.WriteString(text)
			gotStop = stop
			rest = rest[n:]
		}
		got.WriteString(s.Flush())
		if _, stop, _ := s.Push([]byte("x")); stop != "" {
			gotStop = stop
		}
		if got.String() != want || gotStop != wantStop {
			t.Fatalf("got %q, stop %q; want %q, stop %q", got.String(), gotStop, want, wantStop)
		}
	})
}
