package demo

import (
	"math"

	"github.com/kakeyad/kakeyad/plugins/e8codec/half"
)

// scaleBits is what a scale takes: an f16.
const scaleBits = 16

// levels rounds each vector of dim elements to the nearest of n evenly spaced numbers from minus its largest
// magnitude to that. It answers with the bits of an element when the numbers of a vector are stored as one, in whole
// bytes, beside the scale.
func levels(y, x []float32, dim, n int) (bits float64) {
	for i := 0; i < len(x); i += dim {
		spread(y[i:i+dim], x[i:i+dim], n)
	}
	return levelBits(dim, n)
}

func levelBits(dim, n int) float64 {
	bytes := math.Ceil(float64(dim) * math.Log2(float64(n)) / 8)
	return (8*bytes + scaleBits) / float64(dim)
}

func spread(y, x []float32, n int) {
	a := half.FromFloat16(half.ToFloat16(peak(x)))
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

// levelsWithin is the most levels whose bits are no more than those given, at least 2.
func levelsWithin(dim int, bits float64) int {
	n := 2
	for n < 1<<15 && levelBits(dim, n+1) <= bits {
		n++
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
