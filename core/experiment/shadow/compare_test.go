package shadow

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/experiment"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func TestPart(t *testing.T) {
	for _, c := range []struct {
		a, b       string
		same       bool
		at, length int
	}{
		{"abc", "abc", true, 3, 3}, {"abc", "abd", false, 2, 3}, {"abc", "x", false, 0, 3},
		{"abc", "abcd", false, 3, 3}, {"abc", "ab", false, 2, 3}, {"", "", true, 0, 0}, {"", "a", false, 0, 0},
	} {
		same, at, length := part([]rune(c.a), []rune(c.b))
		require.Equal(t, []any{c.same, c.at, c.length}, []any{same, at, length}, "%q %q", c.a, c.b)
	}
}

// Prompts are compared only where both computed about as many tokens.
func TestPrefillOfLikeWorkAlone(t *testing.T) {
	final := func(prompt, cached int) backend.Final {
		return backend.Final{PromptTokens: prompt, CachedTokens: cached, Timings: backend.Timings{Prefill: time.Second}}
	}
	for _, c := range []struct {
		a, b backend.Final
		want [2]float64
	}{
		{final(100, 0), final(100, 0), [2]float64{100, 100}},
		{final(100, 0), final(100, 5), [2]float64{100, 95}},
		{final(100, 80), final(100, 0), [2]float64{}},
		{final(10, 0), final(10, 0), [2]float64{}},
	} {
		require.Equal(t, c.want, compare(Job{A: Answer{Final: c.a}}, Answer{Final: c.b}).Prefill)
	}
	p := compare(Job{Definition: experiment.Definition{Tokens: true}, A: Answer{Tokens: []backend.Token{1, 2, 3}}}, Answer{Tokens: []backend.Token{1, 2}})
	require.Equal(t, [2]int{2, 3}, [2]int{p.Parted, p.Length})
}
