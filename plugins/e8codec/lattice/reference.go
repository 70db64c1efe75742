package lattice

import (
	"math"

	"github.com/kakeyad/kakeyad/plugins/e8codec/half"
)

// The reference codec is the Python package kakeyalattice 1.5.0. What it computes, and what this
// file reproduces, faults included, is in docs/codec.md.

// referenceEps is what the reference raises its norm and its qmax to.
const referenceEps = 0x1p-23

func (q *Quantizer) referenceEncode(z []int16, x []float32, s *Scratch) (side uint32, err error) {
	x = x[:q.params.Dim]
	if maxAbsBits(x) >= 0x7f800000 {
		return 0, ErrNonFinite
	}
	var sum float64
	for _, v := range x {
		sum += float64(float64(v) * float64(v))
	}
	norm := max(float32(math.Sqrt(float64(float32(sum)))), referenceEps) // its sum can overflow
	for i, v := range x {
		s.x[i] = v / norm
	}
	q.rot.forward(s.y, s.x, s.tmp)
	root := float32(1 / math.Sqrt(float64(q.params.Dim)))
	for i := range s.y {
		s.y[i] *= root
	}
	peak := max(math.Float32frombits(maxAbsBits(s.y)), referenceEps)
	norm16, peak16 := half.ToFloat16(norm), half.ToFloat16(peak)
	scale := half.FromFloat16(peak16) / float32(q.params.Q)
	n := q.params.Variant.Block()
	for b := range q.params.Blocks() {
		first, stride := q.params.Variant.BlockPositions(b)
		var y, p [8]float32
		for j := range n {
			y[j] = s.y[first+j*stride] / scale
		}
		if q.params.Variant == E8 {
			referenceE8(p[:n], y[:n])
		} else {
			referenceD(p[:n], y[:n])
		}
		for j := range n {
			z[first+j*stride] = int16(2 * p[j])
		}
	}
	for i := q.params.Dim; i < len(z); i++ {
		z[position(i)] = 0
	}
	return uint32(norm16) | uint32(peak16)<<16, nil
}

// referenceD writes the point of D_n nearest to y: ties round to even, the first largest
// remainder flips, upwards when it is zero.
func referenceD(p, y []float32) {
	sum, worst, at := float32(0), float32(-1), 0
	for j, v := range y {
		p[j] = float32(math.RoundToEven(float64(v)))
		sum += p[j]
		if a := abs(v - p[j]); a > worst {
			worst, at = a, j
		}
	}
	if int(sum)&1 == 0 {
		return
	}
	if y[at]-p[at] >= 0 {
		p[at]++
	} else {
		p[at]--
	}
}

// referenceE8 writes the nearer of the nearest points of both cosets; the integers win a tie.
func referenceE8(p, y []float32) {
	var shifted, halves [8]float32
	for j, v := range y {
		shifted[j] = v - 0.5
	}
	referenceD(p, y)
	referenceD(halves[:], shifted[:])
	var dInt, dHalf float32
	for j, v := range y {
		halves[j] += 0.5
		a, b := v-p[j], v-halves[j]
		dInt += float32(a * a)
		dHalf += float32(b * b)
	}
	if dHalf < dInt {
		copy(p, halves[:])
	}
}

func referenceStep(side uint32, q int) float64 {
	norm, peak := half.FromFloat16(uint16(side)), half.FromFloat16(uint16(side>>16))
	return float64(norm) * float64(peak) / float64(2*q)
}

func (q *Quantizer) referenceDecode(x []float32, z []int16, side uint32, s *Scratch) {
	norm, peak := half.FromFloat16(uint16(side)), half.FromFloat16(uint16(side>>16))
	box := int16(2 * q.params.Q)
	for i, v := range z {
		s.z[i] = min(max(v, -box), box)
	}
	x = x[:q.params.Dim]
	q.rot.inverse(x, s.z, peak/float32(2*q.params.Q), s.tmp)
	root := float32(1 / math.Sqrt(float64(q.params.Dim)))
	for i, v := range x {
		x[i] = float32(v*root) * norm
	}
}
