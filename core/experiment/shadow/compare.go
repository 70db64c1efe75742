package shadow

import (
	"slices"

	"github.com/kakeyad/kakeyad/core/experiment"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// Answer is what one arm said, and how fast.
type Answer struct {
	Tokens []backend.Token
	Text   []rune // thoughts included
	Final  backend.Final
}

// Add takes in a piece of the answer.
func (a *Answer) Add(p router.Piece) {
	a.Tokens = append(a.Tokens, p.Tokens...)
	a.Text = append(append(a.Text, []rune(p.Thought)...), []rune(p.Text)...)
	if p.Final != nil {
		a.Final = *p.Final
	}
}

const (
	fewestTokens = 8  // of an answer whose speed is counted
	fewestPrompt = 16 // tokens of a prompt that were computed
)

// Rate is the speed of generation in tokens/s; 0 when the answer is too short.
func Rate(f *backend.Final) float64 {
	if f.OutputTokens < fewestTokens || f.Timings.Generate <= 0 {
		return 0
	}
	return float64(f.OutputTokens-1) / f.Timings.Generate.Seconds()
}

// prefill is the speed of computing the prompt in tokens/s, and how many tokens that were.
func prefill(f *backend.Final) (rate float64, computed int) {
	computed = f.PromptTokens - f.CachedTokens
	if computed < fewestPrompt || f.Timings.Prefill <= 0 {
		return 0, computed
	}
	return float64(computed) / f.Timings.Prefill.Seconds(), computed
}

// compare makes a pair of what A and B said.
func compare(j Job, b Answer) experiment.Pair {
	p := experiment.Pair{Greedy: j.Greedy, Rate: [2]float64{Rate(&j.A.Final), Rate(&b.Final)}}
	rateA, computedA := prefill(&j.A.Final)
	rateB, computedB := prefill(&b.Final)
	if less, more := min(computedA, computedB), max(computedA, computedB); 10*(more-less) <= more {
		p.Prefill = [2]float64{rateA, rateB}
	}
	if j.Definition.Tokens {
		p.Same, p.Parted, p.Length = part(j.A.Tokens, b.Tokens)
	} else {
		p.Same, p.Parted, p.Length = part(j.A.Text, b.Text)
	}
	return p
}

// part says where two answers part, and how long the first is.
func part[T comparable](a, b []T) (same bool, at, length int) {
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return slices.Equal(a, b), at, len(a)
}
