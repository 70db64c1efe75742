package demo

import (
	"math"

	"github.com/kakeyad/kakeyad/plugins/e8codec/half"
)

// scaleBits is what a scale takes: an f16.
const scaleBits = 16

// cuts are the shares of a vector's largest magnitude that its levels may reach to: what is beyond is cut off, and
// the share with the least error is taken.
var cuts = []float64{1, 0.8, 0.6, 0.45}

// levels rounds each vector of dim elements to the nearest of n evenly spaced numbers around zero, which with an odd
// n is one of them. It answers with the bits of an element when the numbers of a vector are stored as one, in whole
// bytes, beside the scale.
func levels(y, x []float32, dim, n int) (bits float64) {
	best := make([]float32, dim)
	for i := 0; i < len(x); i += dim {
		from, to, least := x[i:i+dim], y[i:i+dim], math.Inf(1)
		top := float64(peak(from))
		for _, cut := range cuts {
			spread(best, from, half.FromFloat16(half.ToFloat16(float32(cut*top))), n)
			if e := distance(from, best); e < least {
				least = e
				copy(to, best)
			}
		}
	}
	return levelBits(dim, n)
}

func levelBits(dim, n int) float64 {
	bytes := math.Ceil(float64(dim) * math.Log2(float64(n)) / 8)
	return (8*bytes + scaleBits) / float64(dim)
}

// spread rounds to n levels from -a to a.
func spread(y, x []float32, a float32, n int) {
	if a == 0 {
		clear(y)
		return
	}
	top := float64(n - 1)
	for i, v := range x {
		at := math.Round((float64(v)/float64(a) + 1) / 2 * top)
		y[i] = float32((2*min(max(at, 0), top)/top - 1) * float64(a))
	}
}

// levelsWithin is the most levels, an odd number, whose bits are no more than those given, at least 3.
func levelsWithin(dim int, bits float64) int {
	n := 3
	for n < 1<<15 && levelBits(dim, n+2) <= bits {
		n += 2
	}
	return n
}

// ggmlBlock is the elements that share a scale in ggml's formats.
const ggmlBlock = 32

// q8 is ggml's q8_0: in each block the largest magnitude becomes 127.
func q8(y, x []float32) (bits float64) {
	for i := 0; i < len(x); i += ggmlBlock {
		b := x[i : i+ggmlBlock]
		d := peak(b) / 127
		stored := half.FromFloat16(half.ToFloat16(d))
		for j, v := range b {
			if d > 0 {
				y[i+j] = float32(math.Round(float64(v/d))) * stored
			} else {
				y[i+j] = 0
			}
		}
	}
	return 8 + scaleBits/float64(ggmlBlock)
}

// q4 is ggml's q4_0: in each block the element of largest magnitude becomes -8.
func q4(y, x []float32) (bits float64) {
	for i := 0; i < len(x); i += ggmlBlock {
		b := x[i : i+ggmlBlock]
		var most float32
		for _, v := range b {
			if magnitude(v) > magnitude(most) {
				most = v
			}
		}
		d := most / -8
		stored := half.FromFloat16(half.ToFloat16(d))
		for j, v := range b {
			code := 8
			if d != 0 {
				code = max(0, min(int(v/d+8.5), 15))
			}
			y[i+j] = float32(code-8) * stored
		}
	}
	return 4 + scaleBits/float64(ggmlBlock)
}

func peak(x []float32) (m float32) {
	for _, v := range x {
		m = max(m, magnitude(v))
	}
	return m
}

func magnitude(v float32) float32 { return float32(math.Abs(float64(v))) }
