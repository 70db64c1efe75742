package enginetest

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Options of [TestExecutor].
type Options struct {
	// New returns an executor with an empty cache: at least 2 sequences, a batch of at least 8
	// and 32 cells. It is released with the test's Cleanup, and may be shared by tests when it
	// is emptied in between.
	New func(t *testing.T) engine.Executor

	// Tolerance is how far two logits may be apart that should be equal but were computed in
	// steps of different shapes.
	Tolerance float64

	// Tokens are ones that may follow each other; nil: 1 to 24.
	Tokens []backend.Token
}

// TestExecutor checks that an executor keeps the rules of [engine.Executor]. It compares logits
// with those of the same tokens computed alone in an empty cache.
func TestExecutor(t *testing.T, o Options) {
	if o.Tokens == nil {
		for i := range backend.Token(24) {
			o.Tokens = append(o.Tokens, 1+i)
		}
	}
	for _, tc := range []struct {
		name string
		run  func(*harness)
	}{
		{"limits", limits},
		{"one token at a time is as all at once", chunks},
		{"outputs are numbered in order", outputs},
		{"sequences are apart", apart},
		{"cut and continued", cut},
		{"removed whole", removed},
		{"copied prefix", copied},
		{"copy outlives its source", outlives},
		{"cells run out", full},
		{"interrupt at rest", interrupt},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := &harness{T: t, o: o, exec: o.New(t)}
			defer h.empty()
			tc.run(h)
		})
	}
}

// harness is one test's executor with short ways to use it.
type harness struct {
	*testing.T
	o    Options
	exec engine.Executor
}

func (h *harness) empty() {
	for seq := range h.exec.Limits().Sequences {
		if !h.exec.SeqRemove(engine.SeqID(seq), 0, -1) {
			h.Errorf("whole sequence %d cannot be removed", seq)
		}
	}
}

// items are tokens for positions from at on; the last has an output.
func items(seq engine.SeqID, at int, tokens ...backend.Token) []engine.Item {
	var its []engine.Item
	for i, t := range tokens {
		its = append(its, engine.Item{Token: t, Pos: int32(at + i), Seq: seq, Output: i == len(tokens)-1})
	}
	return its
}

// step computes items and returns copies of their logits.
func (h *harness) step(its ...engine.Item) [][]float32 {
	h.Helper()
	if err := h.exec.Step(its); err != nil {
		h.Fatalf("step of %d items: %v", len(its), err)
	}
	var out [][]float32
	for _, it := range its {
		if it.Output {
			out = append(out, slices.Clone(h.exec.Logits(len(out))))
		}
	}
	return out
}

// alone returns the logits after tokens in an otherwise empty cache, which it leaves empty.
func (h *harness) alone(tokens []backend.Token) []float32 {
	h.Helper()
	h.empty()
	out := h.step(items(0, 0, tokens...)...)[0]
	h.empty()
	return out
}

// same fails the test when logits differ, and when they cannot tell anything from anything.
func (h *harness) same(what string, got, want []float32) {
	h.Helper()
	if len(got) != h.exec.Limits().Vocabulary || len(want) != len(got) {
		h.Fatalf("%s: %d and %d logits for a vocabulary of %d", what, len(got), len(want), h.exec.Limits().Vocabulary)
	}
	if d := apartBy(got, want); !(d <= h.o.Tolerance) {
		h.Errorf("%s: logits differ by %g, more than %g", what, d, h.o.Tolerance)
	}
}

// differ fails the test when logits are as good as equal, for then same would show nothing.
func (h *harness) differ(a, b []float32) {
	h.Helper()
	if d := apartBy(a, b); d <= max(2*h.o.Tolerance, 0.01) {
		h.Fatalf("logits of different texts differ by %g only: choose other tokens or a smaller tolerance than %g", d, h.o.Tolerance)
	}
}

func apartBy(a, b []float32) float64 {
	var most float64
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if math.IsNaN(d) {
			return math.NaN()
		}
		most = max(most, d)
	}
	return most
}

func limits(h *harness) {
	l := h.exec.Limits()
	if l.Sequences < 2 || l.Cells < 32 || l.Batch < 8 || l.Vocabulary < 1 {
		h.Fatalf("limits %+v are too small to work with", l)
	}
	if again := h.exec.Limits(); again != l {
		h.Fatalf("limits changed from %+v to %+v", l, again)
	}
}

func interrupt(h *harness) {
	tokens := h.o.Tokens[:8]
	want := h.alone(tokens)
	h.exec.Interrupt()
	its := items(0, 0, tokens...)
	err := h.exec.Step(its)
	if errors.Is(err, engine.ErrInterrupted) {
		err = h.exec.Step(its) // the first one must have left the cache as it was
	}
	if err != nil {
		h.Fatalf("step after an interruption at rest: %v", err)
	}
	h.same("after an interruption", h.exec.Logits(0), want)
}
