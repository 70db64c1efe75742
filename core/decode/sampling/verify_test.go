package sampling

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// only is a mask of few tokens.
type only []backend.Token

func (o only) Allowed(t backend.Token) bool { return o.Mask()[0]>>uint(t)&1 == 1 }

func (o only) Mask() []uint64 {
	var bits uint64
	for _, t := range o {
		bits |= 1 << uint(t)
	}
	return []uint64{bits}
}

// TestVerifyDistribution draws drafts from many distributions and wants what comes out to be
// distributed as Sample's own draws: chi-squared over a small vocabulary.
func TestVerifyDistribution(t *testing.T) {
	const vocabulary, rounds = 12, 40000
	source := rand.New(rand.NewPCG(4, 5))
	logits := make([]float32, vocabulary)
	for i := range logits {
		logits[i] = float32(source.NormFloat64() * 1.5)
	}
	settings := map[string]backend.Sampling{
		"plain":       {Temperature: 1},
		"cold":        {Temperature: 0.5},
		"top_k":       {Temperature: 0.9, TopK: 5},
		"top_p":       {Temperature: 0.9, TopP: 0.8},
		"min_p":       {Temperature: 1.2, MinP: 0.1},
		"penalties":   {Temperature: 1, RepeatPenalty: 1.5, PresencePenalty: 0.4, PenaltyLastN: -1},
		"biased":      {Temperature: 1, LogitBias: map[backend.Token]float32{3: 2, 4: -100}},
		"constrained": {Temperature: 1},
	}
	for name, set := range settings {
		for draft, q := range map[string][]float32{
			"alike":     softmax(logits, 1),
			"flat":      softmax(make([]float32, vocabulary), 1),
			"otherwise": softmax(append(append([]float32{}, logits[6:]...), logits[:6]...), 0.7),
			"narrow":    {0, 0.5, 0, 0, 0.5, 0, 0, 0, 0, 0, 0, 0},
		} {
			t.Run(name+"/"+draft, func(t *testing.T) {
				set.Seed = 7
				var mask Mask
				if name == "constrained" {
					mask = only{1, 2, 5, 9}
				}
				verifier, plain := sampler(t, set, vocabulary), sampler(t, set, vocabulary)
				var tokens []backend.Token
				var probabilities []float32
				for i, x := range q {
					if x > 0 {
						tokens, probabilities = append(tokens, backend.Token(i)), append(probabilities, x)
					}
				}
				var got, want [vocabulary]float64
				accepted := 0
				for range rounds {
					x := tokens[pickFrom(source, probabilities)]
					out, err := verifier.Verify(logits, x, tokens, probabilities, mask, 8)
					if err != nil {
						t.Fatal(err)
					}
					got[out]++
					if out == x {
						accepted++
					}
					if out, err = plain.Sample(logits, mask, 8); err != nil {
						t.Fatal(err)
					}
					want[out]++
				}
				chi, free := 0.0, -1.0
				for i := range got {
					if n := got[i] + want[i]; n > 0 {
						chi += (got[i] - want[i]) * (got[i] - want[i]) / n
						free++
					}
				}
				if limit := free + 4*math.Sqrt(2*free) + 4; chi > limit {
					t.Errorf("chi-squared %.1f of %v degrees of freedom\n got %v\nwant %v", chi, free, got, want)
				}
				if draft == "alike" && name == "plain" && accepted < rounds*85/100 {
					t.Errorf("%d of %d drafts of nearly the same distribution accepted", accepted, rounds)
				}
			})
		}
	}
}

func sampler(t *testing.T, set backend.Sampling, vocabulary int) *Sampler {
	t.Helper()
	s, err := New(set, vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	s.Prime([]backend.Token{2, 2, 5})
	return s
}

func softmax(logits []float32, temperature float64) []float32 {
	out, sum := make([]float32, len(logits)), 0.0
	for i, l := range logits {
		out[i] = float32(math.Exp(float64(l) / temperature))
		sum += float64(out[i])
	}
	for i := range out {
		out[i] /= float32(sum)
	}
	return out
}

func pickFrom(source *rand.Rand, p []float32) int {
	x := source.Float32()
	for i := range p {
		if x -= p[i]; x < 0 {
			return i
		}
	}
	return len(p) - 1
}

func TestVerifyGreedyAndWrong(t *testing.T) {
	logits := []float32{0, 3, 1}
	greedy := sampler(t, backend.Sampling{}, 3)
	if got, err := greedy.Verify(logits, 2, []backend.Token{2}, []float32{1}, nil); err != nil || got != 1 {
		t.Errorf("greedy: %v, %v", got, err)
	}
	warm := sampler(t, backend.Sampling{Temperature: 1, Seed: 1}, 3)
	if _, err := warm.Verify(logits, 2, []backend.Token{1}, []float32{1}, nil); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("a token that was not drawn: %v", err)
	}
	if _, err := warm.Verify(logits[:2], 1, []backend.Token{1}, []float32{1}, nil); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("logits of another vocabulary: %v", err)
	}
	if got, err := warm.Verify([]float32{-100, 0, -100}, 1, []backend.Token{1}, []float32{1}, nil); err != nil || got != 1 {
		t.Errorf("a certain token: %v, %v", got, err)
	}
}
