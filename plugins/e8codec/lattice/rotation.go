package lattice

import (
	"math"
	"math/bits"
)

// rotation is the orthonormal R of a head_dim n = m·2^k, m odd: the Kronecker product of the
// discrete Hartley matrix of order m and the Sylvester-Hadamard matrix of order 2^k, normalised.
// Both are symmetric and their own inverse, and so is R. Powers of two (m = 1) are the plain
// Hadamard transform. forward leaves out the factor 2^(-k/2); so does inverse.
type rotation struct {
	dim    int
	odd    int       // m
	pow    int       // 2^k
	matrix []float32 // Hartley, odd*odd; nil when odd is 1
}

func newRotation(dim int) *rotation {
	r := &rotation{dim: dim, pow: 1 << bits.TrailingZeros(uint(dim))}
	r.odd = dim / r.pow
	if r.odd == 1 {
		return r
	}
	r.matrix = make([]float32, r.odd*r.odd)
	for i := range r.odd {
		for j := range r.odd {
			sin, cos := math.Sincos(2 * math.Pi * float64(i*j%r.odd) / float64(r.odd))
			r.matrix[i*r.odd+j] = float32((sin + cos) / math.Sqrt(float64(r.odd)))
		}
	}
	return r
}

// gain is the square of what forward leaves out.
func (r *rotation) gain() float64 { return float64(r.pow) }

// fast says that the tile kernels can do all of it.
func (r *rotation) fast() bool { return r.odd == 1 && r.dim >= Tile }

// forward writes the rotated x to the tiles y, zeros in the padding. tmp holds dim elements.
func (r *rotation) forward(y, x, tmp []float32) {
	if r.fast() {
		src := x
		for half := r.dim / 2; half >= Tile; half /= 2 {
			for i := 0; i < r.dim; i += 2 * half {
				butterfly(tmp[i:i+2*half], src[i:i+2*half])
			}
			src = tmp
		}
		for i := 0; i < r.dim; i += Tile {
			tileForward((*[Tile]float32)(y[i:]), (*[Tile]float32)(src[i:]))
		}
		return
	}
	r.mix(tmp, x)
	for i := 0; i < r.dim; i += r.pow {
		hadamardDown(tmp[i : i+r.pow])
	}
	for i, v := range tmp[:r.dim] {
		y[position(i)] = v
	}
	for i := r.dim; i < len(y); i++ {
		y[position(i)] = 0
	}
}

// inverse writes to x the rotation of the tiles z times step. tmp holds dim elements.
func (r *rotation) inverse(x []float32, z []int16, step float32, tmp []float32) {
	if r.fast() {
		for i := 0; i < r.dim; i += Tile {
			tileInverse((*[Tile]float32)(x[i:]), (*[Tile]int16)(z[i:]), step)
		}
		for half := Tile; half < r.dim; half *= 2 {
			for i := 0; i < r.dim; i += 2 * half {
				butterfly(x[i:i+2*half], x[i:i+2*half])
			}
		}
		return
	}
	for i := range r.dim {
		tmp[i] = float32(z[position(i)]) * step
	}
	for i := 0; i < r.dim; i += r.pow {
		hadamardUp(tmp[i : i+r.pow])
	}
	r.mix(x, tmp)
}

// mix applies the Hartley factor: dst is not src.
func (r *rotation) mix(dst, src []float32) {
	if r.odd == 1 {
		copy(dst, src[:r.dim])
		return
	}
	for i := range r.odd {
		out := dst[i*r.pow : (i+1)*r.pow]
		clear(out)
		for j := range r.odd {
			c := r.matrix[i*r.odd+j]
			for k, v := range src[j*r.pow : (j+1)*r.pow] {
				out[k] += float32(c * v)
			}
		}
	}
}

// hadamardDown transforms x in place, the widest butterflies first. len(x) is a power of two.
func hadamardDown(x []float32) {
	for half := len(x) / 2; half > 0; half /= 2 {
		for i := 0; i < len(x); i += 2 * half {
			butterflyGeneric(x[i:i+2*half], x[i:i+2*half])
		}
	}
}

// hadamardUp is hadamardDown with the narrowest butterflies first.
func hadamardUp(x []float32) {
	for half := 1; half < len(x); half *= 2 {
		for i := 0; i < len(x); i += 2 * half {
			butterflyGeneric(x[i:i+2*half], x[i:i+2*half])
		}
	}
}
