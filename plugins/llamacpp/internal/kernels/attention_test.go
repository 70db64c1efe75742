package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kernels"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kernels/kerneltest"
)

// exact computes the same in float64, from values that f16 holds exactly.
func exact(s kerneltest.Shape, scale float32, q, k, v, mask []float32) []float64 {
	out := make([]float64, s.Tokens*s.Heads*s.Width)
	group := s.Heads / s.KVHeads
	weights := make([]float64, s.Cells)
	for t := range s.Tokens {
		for h := range s.Heads {
			top, total := math.Inf(-1), 0.0
			for c := range s.Cells {
				dot := 0.0
				for d := range s.Width {
					dot += float64(q[(h*s.Tokens+t)*s.Width+d]) * float64(k[(h/group*s.Cells+c)*s.Width+d])
				}
				weights[c] = dot*float64(scale) + float64(mask[t*s.Cells+c])
				top = math.Max(top, weights[c])
			}
			for c := range weights {
				weights[c] = math.Exp(weights[c] - top)
				total += weights[c]
			}
			for c, w := range weights {
				for d := range s.Width {
					out[(t*s.Heads+h)*s.Width+d] += w / total * float64(v[(h/group*s.Cells+c)*s.Width+d])
				}
			}
		}
	}
	return out
}

// quarters draws multiples of 1/16 within ±4, which every format here holds exactly.
func quarters(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.IntN(129)-64) / 16
	}
	return out
}

// sequences is the mask of a batch of two sequences whose cells lie mixed: a token sees its own sequence's
// earlier cells, and the last token at least one.
func sequences(r *rand.Rand, s kerneltest.Shape) []float32 {
	owner := make([]int, s.Cells)
	for c := range owner {
		owner[c] = r.IntN(2)
	}
	mask := make([]float32, s.Tokens*s.Cells)
	for t := range s.Tokens {
		for c := range s.Cells {
			if c != t%s.Cells && (owner[c] != t%2 || c > s.Cells-s.Tokens+t) {
				mask[t*s.Cells+c] = float32(math.Inf(-1))
			}
		}
	}
	return mask
}

func TestAttentionAgreesWithGGML(t *testing.T) {
	kerneltest.Start()
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range []kerneltest.Shape{
		{Width: 64, Tokens: 100, Cells: 256, Heads: 9, KVHeads: 3, Threads: 2},
		{Width: 64, Tokens: 32, Cells: 64, Heads: 4, KVHeads: 4, Threads: 1},
		{Width: 128, Tokens: 77, Cells: 192, Heads: 8, KVHeads: 2, Threads: 2},
		{Width: 256, Tokens: 33, Cells: 320, Heads: 4, KVHeads: 1, Threads: 2},
		{Width: 80, Tokens: 40, Cells: 96, Heads: 2, KVHeads: 1, Threads: 2},
		{Width: 64, Tokens: 1, Cells: 512, Heads: 9, KVHeads: 3, Threads: 2},
		{Width: 128, Tokens: 8, Cells: 320, Heads: 8, KVHeads: 2, Threads: 2},
		{Width: 64, Tokens: 50, Cells: 250, Heads: 48, KVHeads: 1, Threads: 2}, // cells that fill no tile
	} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			q, k, v := quarters(r, s.Heads*s.Tokens*s.Width), quarters(r, s.KVHeads*s.Cells*s.Width), quarters(r, s.KVHeads*s.Cells*s.Width)
			mask := sequences(r, s)
			scale := float32(0.3 / math.Sqrt(float64(s.Width)))
			want := exact(s, scale, q, k, v, mask)

			kernels.Attention.Enable(false)
			theirs := kerneltest.Attend(s, scale, q, k, v, mask)
			kernels.Attention.Enable(true)
			before := kernels.Attention.Calls()
			ours := kerneltest.Attend(s, scale, q, k, v, mask)
			if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
				require.Greater(t, kernels.Attention.Calls(), before, "the kernel did not run")
			}
			worst, worstTheirs := 0.0, 0.0
			for i := range want {
				worst = math.Max(worst, math.Abs(float64(ours[i])-want[i]))
				worstTheirs = math.Max(worstTheirs, math.Abs(float64(theirs[i])-want[i]))
			}
			assert.Less(t, worst, 2e-5, "against float64")
			assert.Less(t, worst, worstTheirs+1e-6, "no less exact than ggml's kernel")
		})
	}
}

// A token attends to the same bits whatever is computed beside it and wherever its cells lie.
func TestAttentionDoesNotDependOnTheBatch(t *testing.T) {
	kerneltest.Start()
	kernels.Attention.Enable(true)
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range []kerneltest.Shape{
		{Width: 64, Tokens: 70, Cells: 256, Heads: 9, KVHeads: 3, Threads: 2},
		{Width: 256, Tokens: 20, Cells: 192, Heads: 4, KVHeads: 1, Threads: 2},
	} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			q, k, v := normal(r, s.Heads*s.Tokens*s.Width), normal(r, s.KVHeads*s.Cells*s.Width), normal(r, s.KVHeads*s.Cells*s.Width)
			for i := range v {
				v[i] *= float32(math.Exp(2 * r.NormFloat64())) // outliers, and values below the grid
			}
			mask := sequences(r, s)
			scale := float32(3 / math.Sqrt(float64(s.Width)))
			together := kerneltest.Attend(s, scale, q, k, v, mask)

			order := r.Perm(s.Cells)
			k2, v2, mask2 := make([]float32, len(k)), make([]float32, len(v)), make([]float32, len(mask))
			for c, from := range order {
				for h := range s.KVHeads {
					copy(k2[(h*s.Cells+c)*s.Width:][:s.Width], k[(h*s.Cells+from)*s.Width:])
					copy(v2[(h*s.Cells+c)*s.Width:][:s.Width], v[(h*s.Cells+from)*s.Width:])
				}
				for token := range s.Tokens {
					mask2[token*s.Cells+c] = mask[token*s.Cells+from]
				}
			}
			assert.True(t, slices.Equal(together, kerneltest.Attend(s, scale, q, k2, v2, mask2)), "cells in another order")

			one := s
			one.Tokens, one.Threads = 1, 1
			for token := range s.Tokens {
				q1 := make([]float32, s.Heads*s.Width)
				for h := range s.Heads {
					copy(q1[h*s.Width:], q[(h*s.Tokens+token)*s.Width:][:s.Width])
				}
				alone := kerneltest.Attend(one, scale, q1, k2, v2, mask2[token*s.Cells:][:s.Cells])
				require.True(t, slices.Equal(together[token*s.Heads*s.Width:][:s.Heads*s.Width], alone), "token %d alone", token)
			}
		})
	}
}
