package channel_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
)

func TestParse(t *testing.T) {
	unset := channel.Unset
	for text, want := range map[string]channel.ID{
		"smollm2-135m":                       {Short: "smollm2-135m"},
		"llama-3.2-3b":                       {Short: "llama-3.2-3b"},
		"gemma-3-270m-q4_k_m":                {Short: "gemma-3-270m-q4_k_m"},
		"7b":                                 {Short: "7b"},
		"qwen3-4b@e8-q38":                    {Short: "qwen3-4b", Codec: channel.CodecID{Name: "e8", Q: 38, Boundary: unset}},
		"qwen3-4b@e8-q38-b2":                 {Short: "qwen3-4b", Codec: channel.CodecID{Name: "e8", Q: 38, Boundary: 2}},
		"qwen3-4b@e8-q38-b0":                 {Short: "qwen3-4b", Codec: channel.CodecID{Name: "e8", Q: 38}},
		"smollm2-135m:gomlx":                 {Short: "smollm2-135m", Backend: "gomlx"},
		"smollm2-135m+ngram":                 {Short: "smollm2-135m", Drafter: "ngram"},
		"smollm2-135m:my-own_2@d4-q10+draft": {Short: "smollm2-135m", Backend: "my-own_2", Codec: channel.CodecID{Name: "d4", Q: 10, Boundary: unset}, Drafter: "draft"},
		"deepseek-r1-distill-qwen-1.5b@e8-q10-b999": {Short: "deepseek-r1-distill-qwen-1.5b", Codec: channel.CodecID{Name: "e8", Q: 10, Boundary: 999}},
	} {
		got, err := channel.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		require.Equal(t, text, got.String())
	}
}

// Building any id out of parts and printing it gives a text that parses to the same parts.
func TestParseIsTheInverseOfString(t *testing.T) {
	for _, short := range []string{"a", "0", "a.b", "a--b", "a_b.c-1", strings.Repeat("x", channel.MaxShort)} {
		for _, backend := range []string{"", "b", "b-1_c"} {
			for _, codec := range []channel.CodecID{{}, {Name: "e8", Q: 1, Boundary: 0}, {Name: "q", Q: channel.MaxQ, Boundary: channel.Unset}, {Name: "b", Q: 4, Boundary: channel.MaxBoundary}} {
				for _, drafter := range []string{"", "d", "d-q1-b2"} {
					id := channel.ID{Short: short, Backend: backend, Codec: codec, Drafter: drafter}
					got, err := channel.Parse(id.String())
					require.NoError(t, err)
					require.Equal(t, id, got)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"smollm2-135m", "qwen3-4b@e8-q38-b2", "smollm2-135m:gomlx@e8-q10+ngram", "a@e8-q007", "a@e8-q1-", "a+b+c", "A", "a:", "é", "", "a@e8-q38-b2-b3", "a.@e8",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := channel.Parse(text)
		if err == nil {
			if got := id.String(); got != text {
				t.Fatalf("%q prints back as %q", text, got)
			}
			return
		}
		var syntax *channel.SyntaxError
		if !errors.As(err, &syntax) || !errors.Is(err, channel.ErrSyntax) {
			t.Fatalf("%q: %v is no *SyntaxError", text, err)
		}
		if syntax.Offset < 0 || syntax.Offset > len(text) || syntax.Expected == "" {
			t.Fatalf("%q: offset %d, expected %q", text, syntax.Offset, syntax.Expected)
		}
		if id != (channel.ID{}) {
			t.Fatalf("%q: an error and %v", text, id)
		}
	})
}
