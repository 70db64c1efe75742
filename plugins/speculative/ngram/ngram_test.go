package ngram

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/drafter/draftertest"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	c, err := draftertest.Connect(New("test"), nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := draftertest.Link(t.Context(), New("test"), nil, link.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	})
	for where, d := range map[string]drafter.Drafter{"direct": New("test"), "grpc": c, "link": l} {
		t.Run(where, func(t *testing.T) { draftertest.Run(t, &draftertest.Env{Drafter: d}) })
	}
}

func TestFind(t *testing.T) {
	for text, want := range map[string]string{
		"the cat sat. the cat":  " sat. the", // goes on
		"abcabcabc":             "abcabcab",  // in a circle
		"aab.aac.aa":            "c.aac.aa",  // the longest, then in a circle
		"xyz":                   "",
		"one two. one three. o": "ne three.",
	} {
		tokens := toTokens(text)
		m := find(tokens)
		var got []drafter.Token
		if m.length > 0 {
			got, _ = m.follow(tokens, 8)
		}
		if n := min(len(want), 8); fromTokens(got)[:n] != want[:n] || want == "" && len(got) > 0 {
			t.Errorf("%q goes on with %q, want %q", text, fromTokens(got), want)
		}
	}
}

func toTokens(s string) (out []drafter.Token) {
	for _, b := range []byte(s) {
		out = append(out, drafter.Token(b))
	}
	return out
}

func fromTokens(tokens []drafter.Token) (s string) {
	for _, t := range tokens {
		s += string(t)
	}
	return s
}

// TestFindLongest compares with all places.
func TestFindLongest(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		text := make([]drafter.Token, 1+source.IntN(60))
		for i := range text {
			text[i] = drafter.Token(source.IntN(4))
		}
		best := 0
		for i := 1; i < len(text); i++ {
			best = max(best, common(text[:i], text))
		}
		m := find(text)
		if m.length != best || best > 0 && common(text[:m.at], text) != best {
			t.Fatalf("%v: %+v, want a match of %d", text, m, best)
		}
	}
}

func TestConfidence(t *testing.T) {
	text := toTokens("a long enough beginning; a long enough begin")
	_, sure := find(text).follow(text, 4)
	text = toTokens("ab1 ab2 ab3 ab")
	_, unsure := find(text).follow(text, 4)
	if sure[0] < 0.9 || unsure[0] > 0.4 || !slices.IsSorted(unsure) {
		t.Errorf("sure %v, unsure %v", sure, unsure)
	}
	for n := range 40 {
		if chance(n+1) < chance(n) || chance(n) > 1 {
			t.Errorf("a match of %d is less sure than one of %d", n+1, n)
		}
	}
}

func attach(t *testing.T, p drafter.Params) drafter.Attachment {
	t.Helper()
	a, err := New("test").Attach(t.Context(), drafter.Target{Vocabulary: 1000, Layers: 1, Width: 1, Context: 1 << 20, Sessions: 1}, p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// say opens a session, tells it a text and returns what it proposes; the text is indexed then.
func say(t *testing.T, a drafter.Attachment, o drafter.SessionOptions, text []drafter.Token) []drafter.Token {
	t.Helper()
	s, err := a.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Committed(t.Context(), text, drafter.Features{}); err != nil {
		t.Fatal(err)
	}
	p, err := s.Propose(t.Context(), drafter.Ask{N: 4})
	if err != nil {
		t.Fatal(err)
	}
	return p.Tokens
}

// numbers are distinct tokens.
func numbers(from, n int) (out []drafter.Token) {
	for i := range n {
		out = append(out, drafter.Token(from+i))
	}
	return out
}

func TestShared(t *testing.T) {
	a := attach(t, nil)
	mine, theirs := drafter.SessionOptions{Scope: "mine"}, drafter.SessionOptions{Scope: "theirs"}
	say(t, a, mine, numbers(0, 40))
	if got := say(t, a, mine, numbers(10, 8)); !slices.Equal(got, numbers(18, 4)) {
		t.Errorf("another session learns %v", got)
	}
	for what, o := range map[string]drafter.SessionOptions{
		"another scope": theirs, "no scope": {}, "private": {Private: true, Scope: "mine"},
	} {
		if got := say(t, a, o, numbers(20, 8)); len(got) > 0 {
			t.Errorf("%s learns %v", what, got)
		}
	}
	say(t, a, drafter.SessionOptions{Private: true}, numbers(500, 40))
	if got := say(t, a, drafter.SessionOptions{}, numbers(510, 8)); len(got) > 0 {
		t.Errorf("a private session teaches %v", got)
	}
	if d := attach(t, drafter.Params{keyShared: "0"}).Describe(); d.Shares || d.Memory != 0 {
		t.Errorf("switched off: %+v", d)
	}
}

// TestSharedOverwrites fills a small index many times over: what it proposes was really said.
func TestSharedOverwrites(t *testing.T) {
	s := newShared(256)
	source := rand.New(rand.NewPCG(3, 3))
	var said []drafter.Token
	for range 300 {
		text := make([]drafter.Token, 1+source.IntN(90))
		for i := range text {
			text[i] = drafter.Token(source.IntN(3))
		}
		s.add("", text)
		said = append(append(said, separator), text...)
		end := 8 + source.IntN(8)
		query := make([]drafter.Token, end)
		for i := range query {
			query[i] = drafter.Token(source.IntN(3))
		}
		tokens, confidence := s.propose("", query, 2, 6)
		if len(tokens) != len(confidence) || len(tokens) > 6 {
			t.Fatalf("%v, %v", tokens, confidence)
		}
		if len(tokens) > 0 && !contains(said, append(query[end-grams[1]:end:end], tokens...)) {
			t.Fatalf("%v after %v was never said", tokens, query)
		}
	}
}

func contains(text, part []drafter.Token) bool {
	for i := range len(text) - len(part) + 1 {
		if slices.Equal(text[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

func TestParams(t *testing.T) {
	for key, value := range map[string]string{keyMost: "0", keyShortest: "x", keyShared: "-1", "unknown": "1"} {
		_, err := New("test").Attach(t.Context(), drafter.Target{Vocabulary: 2, Layers: 1, Width: 1, Context: 2, Sessions: 1}, drafter.Params{key: value})
		if !errors.Is(err, base.ErrInvalid) {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
	if d := attach(t, drafter.Params{keyMost: "5", keyShortest: "3"}).Describe(); d.MaxDraft != 5 {
		t.Errorf("%+v", d)
	}
}

func BenchmarkPropose(b *testing.B) {
	for _, n := range []int{256, 4096, 32768} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			source := rand.New(rand.NewPCG(1, 1))
			text := make([]drafter.Token, n)
			for i := range text {
				text[i] = drafter.Token(source.ExpFloat64() * 100)
			}
			for b.Loop() {
				find(text)
			}
		})
	}
}
