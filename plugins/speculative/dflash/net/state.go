package net

import (
	"fmt"
	"math"
	"slices"

	"github.com/kakeyad/kakeyad/plugins/speculative/dflash/kernel"
)

// State is what a drafter keeps of one text: keys and values of the features seen, a row a
// committed position. It is not safe for concurrent use.
type State struct {
	net    *Net
	stores []*kernel.Store
}

// Workspace is memory for one computation at a time, to be lent to many states.
type Workspace struct {
	x, h, q, kv, o, wide, logits, cos, sin []float32
	v                                      kernel.Vectors
	scratch                                kernel.Scratch
}

// NewState begins a text.
func (n *Net) NewState() *State {
	s := &State{net: n}
	for range n.layers {
		s.stores = append(s.stores, kernel.NewStore(n.KVHeads, n.HeadDim))
	}
	return s
}

// Rows is how many features have been taken in.
func (s *State) Rows() int { return s.stores[0].Rows() }

// chunk is how many features are computed together.
const chunk = 64

// Append takes in features of consecutive positions from pos on, [rows, taps, width] as the target
// has them. Positions ascend from call to call; some may be left out.
func (s *State) Append(w *Workspace, pos int, features []float32) {
	n := s.net
	row := len(n.Taps) * n.Width
	for len(features) > 0 {
		count := min(chunk, len(features)/row)
		part := features[:count*row]
		w.wide = resize(w.wide, len(part))
		kernel.Norm(w.wide, part, count*len(n.Taps), nil, n.Eps)
		w.v.Quantise(w.wide, count)
		w.h = resize(w.h, count*n.Width)
		n.fuse.Multiply(w.h, &w.v)
		kernel.Norm(w.h, w.h, count, n.fuseNorm, n.Eps)
		w.v.Quantise(w.h, count)
		w.angles(n, pos, count)
		for i := range n.layers {
			s.keep(w, i, count)
		}
		pos, features = pos+count, features[count*row:]
	}
}

// keep appends keys and values of the quantised rows to the store of a layer.
func (s *State) keep(w *Workspace, i, count int) {
	n, l := s.net, &s.net.layers[i]
	keys, half := n.KVHeads*n.HeadDim, n.HeadDim/2
	w.kv = resize(w.kv, count*2*keys)
	l.kv.Multiply(w.kv, &w.v)
	for r := range count {
		k, v := w.kv[r*2*keys:][:keys], w.kv[r*2*keys+keys:][:keys]
		kernel.Norm(k, k, n.KVHeads, l.kNorm, n.Eps)
		kernel.Rotate(k, w.cos[r*half:][:half], w.sin[r*half:][:half])
		s.stores[i].Append(k, v)
	}
}

// angles computes the rotations of count positions from pos on.
func (w *Workspace) angles(n *Net, pos, count int) {
	half := n.HeadDim / 2
	w.cos, w.sin = resize(w.cos, count*half), resize(w.sin, count*half)
	for i := range half {
		frequency := math.Pow(float64(n.Theta), -float64(i)/float64(half))
		for r := range count {
			sin, cos := math.Sincos(float64(pos+r) * frequency)
			w.sin[r*half+i], w.cos[r*half+i] = float32(sin), float32(cos)
		}
	}
}

// Draft guesses the guesses tokens after the anchor, which stands at position pos: tokens, and of
// each its probability within the vocabulary. At most window of the latest features are attended.
func (s *State) Draft(w *Workspace, anchor int32, pos, guesses, window int) (tokens []int32, p []float32, err error) {
	n := s.net
	block := guesses + 1
	w.x = resize(w.x, block*n.Width)
	if err := n.embedding.Read(int(anchor), w.x); err != nil {
		return nil, nil, fmt.Errorf("embedding of the target: %w", err)
	}
	for r := 1; r < block; r++ {
		copy(w.x[r*n.Width:], n.mask)
	}
	rows := s.Rows()
	defer s.crop(rows)
	w.angles(n, pos, block)
	for i := range n.layers {
		s.layer(w, i, block, max(0, rows-window))
	}
	return n.guess(w, guesses)
}

func (s *State) crop(rows int) {
	for _, store := range s.stores {
		store.Crop(rows)
	}
}

// layer runs one layer over the block in w.x.
func (s *State) layer(w *Workspace, i, block, first int) {
	n, l := s.net, &s.net.layers[i]
	queries, half := n.Heads*n.HeadDim, n.HeadDim/2
	w.h = resize(w.h, block*n.Width)
	kernel.Norm(w.h, w.x, block, l.attnNorm, n.Eps)
	w.v.Quantise(w.h, block)
	w.q, w.o = resize(w.q, block*queries), resize(w.o, block*queries)
	l.q.Multiply(w.q, &w.v)
	kernel.Norm(w.q, w.q, block*n.Heads, l.qNorm, n.Eps)
	for r := range block {
		kernel.Rotate(w.q[r*queries:][:queries], w.cos[r*half:][:half], w.sin[r*half:][:half])
	}
	s.keep(w, i, block)
	s.stores[i].Attend(w.o, w.q, block, n.Heads/n.KVHeads, first, float32(1/math.Sqrt(float64(n.HeadDim))), &w.scratch)
	w.add(l.o, w.o, block)

	kernel.Norm(w.h, w.x, block, l.ffnNorm, n.Eps)
	w.v.Quantise(w.h, block)
	w.wide = resize(w.wide, 2*block*n.Hidden)
	gate, up := w.wide[:block*n.Hidden], w.wide[block*n.Hidden:]
	l.gateUp.MultiplyRows(gate, &w.v, 0, n.Hidden)
	l.gateUp.MultiplyRows(up, &w.v, n.Hidden, 2*n.Hidden)
	kernel.Gate(gate, up)
	w.add(l.down, gate, block)
}

// add adds the products of m with the rows of in to w.x.
func (w *Workspace) add(m *kernel.Matrix, in []float32, rows int) {
	w.v.Quantise(in, rows)
	w.h = resize(w.h, rows*m.Rows)
	m.Multiply(w.h, &w.v)
	kernel.Add(w.x, w.h[:rows*m.Rows])
}

// guess reads the tokens off the masks of the block in w.x.
func (n *Net) guess(w *Workspace, guesses int) (tokens []int32, p []float32, err error) {
	masks := w.x[n.Width:][:guesses*n.Width]
	kernel.Norm(masks, masks, guesses, n.norm, n.Eps)
	w.v.Quantise(masks, guesses)
	w.logits = resize(w.logits, guesses*n.head.Rows)
	n.head.Multiply(w.logits, &w.v)
	for r := range guesses {
		logits := w.logits[r*n.head.Rows:][:n.head.Rows]
		for i := len(n.Vocabulary); i < len(logits); i++ {
			logits[i] = logits[0] - 100
		}
		most := kernel.Max(logits)
		tokens = append(tokens, n.Vocabulary[slices.Index(logits, most)])
		p = append(p, 1/kernel.Exp(logits, most))
	}
	return tokens, p, nil
}

func resize(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
