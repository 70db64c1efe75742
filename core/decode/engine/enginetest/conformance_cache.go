package enginetest

import (
	"errors"
	"slices"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func chunks(h *harness) {
	tokens := h.o.Tokens[:8]
	want := h.alone(tokens)
	h.differ(want, h.alone(tokens[1:]))
	for i, t := range tokens {
		got := h.step(items(1, i, t)...)
		if i == len(tokens)-1 {
			h.same("one at a time", got[0], want)
		}
	}
}

func outputs(h *harness) {
	tokens := h.o.Tokens[:6]
	var want [][]float32
	for i := range tokens {
		want = append(want, h.alone(tokens[:i+1]))
	}
	its := items(0, 0, tokens...)
	for i := range its {
		its[i].Output = i%2 == 1
	}
	for k, got := range h.step(its...) {
		h.same("output of every other token", got, want[2*k+1])
	}
}

func apart(h *harness) {
	a, b := h.o.Tokens[:4], h.o.Tokens[4:7]
	next := h.o.Tokens[7]
	wantA, wantB := h.alone(a), h.alone(b)
	wantNext := h.alone(append(slices.Clone(a), next))
	got := h.step(append(items(0, 0, a...), items(1, 0, b...)...)...)
	h.same("first of two sequences", got[0], wantA)
	h.same("second of two sequences", got[1], wantB)
	got = h.step(append(items(1, len(b), a[0]), items(0, len(a), next)...)...)
	h.same("continued beside another", got[1], wantNext)
}

func cut(h *harness) {
	tokens := h.o.Tokens[:8]
	other := append(slices.Clone(tokens[:4]), h.o.Tokens[10:13]...)
	want, uncut := h.alone(other), h.alone(append(slices.Clone(tokens), other[4]))
	h.differ(want, h.alone(other[1:]))
	h.step(items(0, 0, tokens...)...)
	if !h.exec.SeqRemove(0, 4, -1) {
		h.same("after a refused cut", h.step(items(0, len(tokens), other[4])...)[0], uncut)
		return
	}
	h.same("cut and continued", h.step(items(0, 4, other[4:]...)...)[0], want)
}

func removed(h *harness) {
	first, second := h.o.Tokens[:8], h.o.Tokens[8:12]
	want := h.alone(second)
	h.step(items(1, 0, first...)...)
	if !h.exec.SeqRemove(1, 0, -1) {
		h.Fatal("a whole sequence cannot be removed")
	}
	h.same("after all was removed", h.step(items(1, 0, second...)...)[0], want)
}

// forked computes two texts with a common prefix, the second on a copy. False: copies are refused.
func forked(h *harness, between func()) bool {
	tokens := h.o.Tokens[:8]
	left := append(slices.Clone(tokens), h.o.Tokens[8])
	right := append(slices.Clone(tokens[:5]), h.o.Tokens[9:11]...)
	wantLeft, wantRight := h.alone(left), h.alone(right)
	h.step(items(0, 0, tokens...)...)
	if !h.exec.SeqCopy(0, 1, 5) {
		h.same("after a refused copy, the source", h.step(items(0, 8, left[8])...)[0], wantLeft)
		h.same("after a refused copy, its target", h.step(items(1, 0, right...)...)[0], wantRight)
		return false
	}
	if between != nil {
		between()
	} else {
		h.same("source of a copy", h.step(items(0, 8, left[8])...)[0], wantLeft)
	}
	h.same("copy of a prefix", h.step(items(1, 5, right[5:]...)...)[0], wantRight)
	return true
}

func copied(h *harness) {
	if !forked(h, nil) {
		h.Skip("this cache refuses copies")
	}
}

func outlives(h *harness) {
	other := h.o.Tokens[11:15]
	if !forked(h, func() {
		h.exec.SeqRemove(0, 0, -1)
		h.step(items(0, 0, other...)...)
	}) {
		h.Skip("this cache refuses copies")
	}
}

func full(h *harness) {
	l := h.exec.Limits()
	want := h.alone(h.o.Tokens[:2])
	h.step(items(1, 0, h.o.Tokens[0])...)
	fill := func(n int) error {
		var last error
		for at := 0; at < n; {
			k := min(l.Batch, n-at)
			tokens := make([]backend.Token, k)
			for i := range tokens {
				tokens[i] = h.o.Tokens[(at+i)%len(h.o.Tokens)]
			}
			if last = h.exec.Step(items(0, at, tokens...)); last != nil {
				return last
			}
			at += k
		}
		return nil
	}
	if err := fill(l.Cells - 1); err != nil {
		h.Fatalf("the announced %d cells cannot be filled: %v", l.Cells, err)
	}
	more := items(1, 1, h.o.Tokens[1])
	if err := h.exec.Step(more); !errors.Is(err, engine.ErrNoCells) {
		h.Fatalf("step over the %d cells: error %v, want %v", l.Cells, err, engine.ErrNoCells)
	}
	if l.CopyIsFree {
		if h.exec.SeqRemove(1, 0, -1); !h.exec.SeqCopy(0, 1, 1) {
			h.Fatal("copies are free, but not when all cells are taken")
		}
	}
	h.exec.SeqRemove(0, 0, -1)
	h.same("after cells were freed", h.step(more...)[0], want)
}
