package kernel

import "fmt"

// Lanes is how many positions of keys lie beside each other.
const Lanes = 16

// Store holds the keys and values of one layer: rows are positions in order. It grows by Append and
// shrinks by Crop.
type Store struct {
	heads, width int
	rows         int
	keys         []float32 // [rows/16, heads, width, 16]
	values       []float32 // [rows, heads, width]
}

// NewStore begins an empty store for heads of width elements, a multiple of 64.
func NewStore(heads, width int) *Store {
	if width%64 != 0 {
		panic(fmt.Sprintf("kernel: heads of %d elements", width))
	}
	return &Store{heads: heads, width: width}
}

// Rows is how many positions are stored.
func (s *Store) Rows() int { return s.rows }

// Bytes is the memory of a store with rows positions.
func (s *Store) Bytes(rows int) int64 { return int64(rows) * int64(s.heads*s.width) * 8 }

// Append adds one position: k and v are [heads, width].
func (s *Store) Append(k, v []float32) {
	row := s.heads * s.width
	if s.rows%Lanes == 0 {
		s.keys = extend(s.keys, s.rows*row, Lanes*row)
	}
	block, lane := s.keys[s.rows/Lanes*Lanes*row:], s.rows%Lanes
	for i, x := range k[:row] {
		block[i*Lanes+lane] = x
	}
	s.values = append(s.values[:s.rows*row], v[:row]...)
	s.rows++
}

// Crop forgets all positions from rows on.
func (s *Store) Crop(rows int) { s.rows = min(rows, s.rows) }

// extend returns s[:n+more], grown where needed; what is new may hold anything finite.
func extend(s []float32, n, more int) []float32 {
	if n+more <= cap(s) {
		return s[:n+more]
	}
	grown := make([]float32, n+more, max(n+more, 2*n))
	copy(grown, s[:n])
	return grown
}

// Attend writes softmax(q·k · scale) v over the positions from first (rounded down to a multiple of
// 16) on: q and o are [n, heads·perHead, width], where perHead queries share a key head. scratch is
// kept for the next call.
func (s *Store) Attend(o, q []float32, n, perHead, first int, scale float32, scratch *Scratch) {
	first = first / Lanes * Lanes
	count := s.rows - first
	if count < 1 {
		clear(o[:n*s.heads*perHead*s.width])
		return
	}
	padded := (count + Lanes - 1) / Lanes * Lanes
	queries := n * perHead
	scratch.q = resize(scratch.q, queries*s.width)
	scratch.o = resize(scratch.o, queries*s.width)
	scratch.sums = resize(scratch.sums, queries)
	scratch.scores = resize(scratch.scores, queries*padded)
	row := s.heads * s.width
	for h := range s.heads {
		for i := range n {
			part := scratch.q[i*perHead*s.width:][:perHead*s.width]
			for j, x := range q[(i*s.heads+h)*perHead*s.width:][:len(part)] {
				part[j] = x * scale
			}
		}
		for b := 0; b < padded; b += Lanes {
			keys := s.keys[(first+b)*row+h*s.width*Lanes:][:s.width*Lanes]
			score(scratch.scores[b:], padded, scratch.q, queries, keys, s.width)
		}
		for i := range queries {
			scratch.sums[i] = exponents(scratch.scores[i*padded:][:padded], count)
		}
		for part := 0; part < s.width; part += 64 {
			weigh(scratch.o[part:], s.width, scratch.scores, padded, queries, s.values[first*row+h*s.width+part:], row, count)
		}
		for i := range n {
			out := o[(i*s.heads+h)*perHead*s.width:][:perHead*s.width]
			for j, x := range scratch.o[i*perHead*s.width:][:len(out)] {
				out[j] = x / scratch.sums[i*perHead+j/s.width]
			}
		}
	}
}

// Scratch is memory that Attend uses again.
type Scratch struct{ q, o, scores, sums []float32 }

// exponents replaces the first n of x by e^(x-max) and returns their sum. len(x) is a multiple of 16;
// what is behind them is of no use after.
func exponents(x []float32, n int) float32 {
	for i := n; i < len(x); i++ {
		x[i] = x[0]
	}
	most := top(x)
	for i := n; i < len(x); i++ {
		x[i] = most - 100 // nothing, beside the largest
	}
	return exp(x, most)
}

func scoreGeneric(s []float32, sStride int, q []float32, n int, keys []float32, width int) {
	for i := range n {
		var acc [Lanes]float32
		for d, e := range q[i*width:][:width] {
			for lane, k := range keys[d*Lanes:][:Lanes] {
				acc[lane] += e * k
			}
		}
		copy(s[i*sStride:], acc[:])
	}
}

func weighGeneric(o []float32, oStride int, p []float32, pStride, n int, values []float32, vStride, count int) {
	for i := range n {
		out := o[i*oStride:][:64]
		clear(out)
		for r, w := range p[i*pStride:][:count] {
			for d, v := range values[r*vStride:][:64] {
				out[d] += w * v
			}
		}
	}
}
