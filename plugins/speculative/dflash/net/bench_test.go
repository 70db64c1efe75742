package net

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/plugins/speculative/dflash/kernel"
)

// trained makes a network of the sizes of the drafter for SmolLM2-135M, of whatever weights.
func trained(tb testing.TB) *Net {
	tb.Helper()
	n := &Net{Header: Header{
		Width: 576, Hidden: 1536, Layers: 3, Heads: 9, KVHeads: 3, HeadDim: 64, Block: 8, Taps: []int{1, 8, 14, 20, 27}, Eps: 1e-5, Theta: 1e5,
		TargetLayers: 30, TargetVocab: 49152,
	}}
	ones := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = 1
		}
		return x
	}
	matrix := func(rows, columns int) *kernel.Matrix {
		m, err := kernel.NewMatrix(rows, columns, func(i int, dst []float32) {
			for c := range dst {
				dst[c] = float32((i*31+c*17)%41-20) / 400
			}
		})
		require.NoError(tb, err)
		return m
	}
	n.fuse, n.fuseNorm, n.mask, n.norm = matrix(576, 2880), ones(576), ones(576), ones(576)
	for range n.Layers {
		n.layers = append(n.layers, layer{
			attnNorm: ones(576), qNorm: ones(64), kNorm: ones(64), ffnNorm: ones(576),
			q: matrix(576, 576), kv: matrix(384, 576), o: matrix(576, 576), gateUp: matrix(3072, 576), down: matrix(576, 1536),
		})
	}
	n.head = matrix(8192, 576)
	n.Vocabulary = make([]int32, 8192)
	n.embedding = &Rows{N: 49152, Columns: 576, r: zeroes{}, bytes: 2304, decode: decodeF32}
	return n
}

type zeroes struct{}

func (zeroes) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// BenchmarkDraft is one pass behind 300 committed tokens.
func BenchmarkDraft(b *testing.B) {
	n, w := trained(b), &Workspace{}
	s := n.NewState()
	s.Append(w, 0, make([]float32, 300*5*576))
	for _, guesses := range []int{1, 3, 4, 7} {
		b.Run(fmt.Sprintf("guesses=%d", guesses), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.Draft(w, 7, 300, guesses, 512); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAppend is the features of 64 tokens.
func BenchmarkAppend(b *testing.B) {
	n, w := trained(b), &Workspace{}
	features := make([]float32, 64*5*576)
	for b.Loop() {
		n.NewState().Append(w, 0, features)
	}
	b.ReportMetric(float64(64*b.N)/b.Elapsed().Seconds(), "tokens/s")
}
