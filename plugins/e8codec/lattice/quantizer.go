package lattice

import (
	"errors"
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
)

// ErrNonFinite is a [fault.ErrInvalid]: an element of the input is infinite or not a number.
var ErrNonFinite = fmt.Errorf("%w: not finite", fault.ErrInvalid)

// Quantizer turns vectors into lattice points and back. It never changes and is safe for
// concurrent use; each goroutine brings its own [Scratch].
type Quantizer struct {
	params Params
	rot    *rotation
	tiles  int
	unit   float64 // half a step, of a scale of 1, divided by the gains of both rotations
	peak   float64 // the root mean square of the largest of Dim normal variables
}

// New makes a Quantizer.
func New(p Params) (*Quantizer, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	rot := newRotation(p.Dim)
	return &Quantizer{
		params: p,
		rot:    rot,
		tiles:  Tiles(p.Dim),
		unit:   0.5 / (float64(p.Q) * rot.gain()),
		peak:   peakOfNormals(p.Dim),
	}, nil
}

// Params are those the Quantizer was made with.
func (q *Quantizer) Params() Params { return q.params }

// CodesPerVector is the length of the codes of a vector: whole tiles.
func (q *Quantizer) CodesPerVector() int { return q.tiles * Tile }

// Scratch is a goroutine's working memory for one Quantizer.
type Scratch struct {
	x, y, tmp []float32
	z         []int16
}

// NewScratch allocates working memory.
func (q *Quantizer) NewScratch() *Scratch {
	n := q.CodesPerVector()
	return &Scratch{
		x: make([]float32, q.params.Dim), y: make([]float32, n), tmp: make([]float32, n),
		z: make([]int16, n),
	}
}

// Codes of magnitude past maxCode are never made: coordinates saturate there.
const maxCode = 32000

// boxMargin keeps coordinates off the faces of the box, where every tie of the search would need
// a rule of its own. It costs nothing that can be measured.
const boxMargin = 0x1p-12

// Vectors whose largest rotated magnitude is not between these, as bits, are scaled by a power of
// two before the float32 arithmetic and back after it.
const (
	lowBits  = 0x21800000 // 2^-60
	highBits = 0x5d800000 // 2^60
)

// Box quantises x inside the box: its largest rotated coordinate becomes Q or a little less, and z
// the nearest points with coordinates in [-Q, Q]. Codes are twice the coordinate. It answers with
// the scale code, which with z is all that [Quantizer.Decode] needs. With Compat, z is the
// reference's point before its clamp and the answer holds norm (low half) and qmax, both f16.
func (q *Quantizer) Box(z []int16, x []float32, s *Scratch) (side uint32, err error) {
	if q.params.Compat {
		return q.referenceEncode(z, x, s)
	}
	m, shift, err := q.rotate(x, s)
	if m == 0 {
		clear(z)
		return 0, err
	}
	// The bits of a positive float32 are its scale code with more mantissa and another bias.
	code := (m+1<<(23-scaleBits)-1)>>(23-scaleBits) + uint32((scaleBias-127+shift)<<scaleBits)
	inv := q.inverseStep(uint16(code), shift)
	limit := float32(q.params.Q) - boxMargin
	q.nearest(z, s.y, inv, limit, float32(q.params.Q))
	return code, nil
}

// Free quantises x with the given scale and no box: z is the nearest points of all, whatever
// their size. Compat has no such mode.
func (q *Quantizer) Free(z []int16, x []float32, scale uint16, s *Scratch) error {
	m, shift, err := q.rotate(x, s)
	if m == 0 || scale == 0 {
		clear(z)
		return err
	}
	q.nearest(z, s.y, q.inverseStep(scale, shift), maxCode/2, math.MaxInt16)
	return nil
}

// MeanSquare is the mean of the squares of x.
func (q *Quantizer) MeanSquare(x []float32) float64 {
	var sum [4]float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		for j := range sum {
			v := float64(x[i+j])
			sum[j] += float64(v * v)
		}
	}
	for ; i < len(x); i++ {
		sum[0] += float64(float64(x[i]) * float64(x[i]))
	}
	return (sum[0] + sum[1] + sum[2] + sum[3]) / float64(len(x))
}

// ScaleFor is the scale that gives normal data of that mean square the squared error that Box
// gives it on average.
func (q *Quantizer) ScaleFor(meanSquare float64) uint16 {
	return scaleNear(q.peak*math.Sqrt(meanSquare*q.rot.gain()), freeGrid)
}

// LeastScale is the smallest scale with which no coordinate of a vector of that mean square is too
// large for a code.
func (q *Quantizer) LeastScale(meanSquare float64) uint16 {
	peak := math.Sqrt(meanSquare * q.rot.gain() * float64(q.params.Dim))
	return scaleNear(1.25*peak*float64(q.params.Q)/(maxCode/2), freeGrid)
}

// freeGrid is the number of mantissa bits in the scales of ScaleFor: eight to the octave.
const freeGrid = 3

// rotate leaves the rotation of x·2^-shift in s.y, without the rotation's gain. m is the bits of
// its largest magnitude.
func (q *Quantizer) rotate(x []float32, s *Scratch) (m uint32, shift int, err error) {
	x = x[:q.params.Dim]
	q.rot.forward(s.y, x, s.tmp)
	if m = maxAbsBits(s.y); m-lowBits < highBits-lowBits {
		return m, 0, nil // what is not finite would have shown
	}
	m = maxAbsBits(x)
	if m >= 0x7f800000 {
		return 0, 0, ErrNonFinite
	}
	if m == 0 {
		return 0, 0, nil
	}
	_, shift = math.Frexp(float64(math.Float32frombits(m)))
	for i, v := range x {
		s.x[i] = float32(math.Ldexp(float64(v), -shift))
	}
	q.rot.forward(s.y, s.x, s.tmp)
	return maxAbsBits(s.y), shift, nil
}

// inverseStep is what a coordinate is multiplied with.
func (q *Quantizer) inverseStep(scale uint16, shift int) float32 {
	v := ScaleValue(scale)
	if shift != 0 {
		v = math.Ldexp(v, -shift)
	}
	return float32(float64(q.params.Q) / v)
}

func (q *Quantizer) nearest(z []int16, y []float32, inv, limit, box float32) {
	for i := 0; i < len(y); i += Tile {
		zt, yt := (*[Tile]int16)(z[i:]), (*[Tile]float32)(y[i:])
		if q.params.Variant == D4 {
			nearestD4(zt, yt, inv, limit)
		} else {
			nearestE8(zt, yt, inv, limit, box)
		}
	}
}

// Decode reconstructs a vector from its codes and what Box or the caller of Free kept beside them.
// Any codes and any side decode to something; elements past the range of float32 saturate.
func (q *Quantizer) Decode(x []float32, z []int16, side uint32, s *Scratch) {
	if q.params.Compat {
		q.referenceDecode(x, z, side, s)
		return
	}
	step := ScaleValue(uint16(side)) * q.unit
	shift := 0
	if step != 0 && (step < 0x1p-100 || step > 0x1p80) {
		_, shift = math.Frexp(step)
		step = math.Ldexp(step, -shift)
	}
	x = x[:q.params.Dim]
	q.rot.inverse(x, z, float32(step), s.tmp)
	if shift == 0 {
		return
	}
	for i, v := range x {
		w := math.Ldexp(float64(v), shift)
		x[i] = float32(min(max(w, -math.MaxFloat32), math.MaxFloat32))
	}
}

// Step is the distance between neighbouring codes in the rotated domain: x̂ = step·(code·R) with
// the orthonormal R, apart from Compat's clamp.
func (q *Quantizer) Step(side uint32) float64 {
	if q.params.Compat {
		return referenceStep(side, q.params.Q)
	}
	return ScaleValue(uint16(side)) * q.unit * math.Sqrt(q.rot.gain())
}

// BoxScale tells what Box takes as scale: the largest magnitude of x·R times gain, rounded up to so many bits of mantissa.
func (q *Quantizer) BoxScale() (bits int, gain float64) { return scaleBits, math.Sqrt(q.rot.gain()) }

// Rotation is R, row by row.
func (q *Quantizer) Rotation() []float32 {
	n := q.params.Dim
	r := make([]float32, n*n)
	s := q.NewScratch()
	unit := make([]float32, n)
	norm := float32(1 / math.Sqrt(q.rot.gain()))
	for i := range n {
		clear(unit)
		unit[i] = norm
		q.rot.forward(s.y, unit, s.tmp)
		for j := range n {
			r[i*n+j] = s.y[position(j)]
		}
	}
	return r
}

// peakOfNormals is √E[max x²] of n independent normal variables, by the integral of the tail.
func peakOfNormals(n int) float64 {
	const h = 1.0 / 512
	sum := 0.0
	for t := h / 2; t < 8; t += h {
		sum += 2 * t * (1 - math.Pow(math.Erf(t/math.Sqrt2), float64(n))) * h
	}
	return math.Sqrt(sum)
}

// VectorError is an error about one vector of many.
type VectorError struct {
	Vector int
	Err    error
}

func (e *VectorError) Error() string { return fmt.Sprintf("vector %d: %v", e.Vector, e.Err) }

// Unwrap is the error of that vector.
func (e *VectorError) Unwrap() error { return e.Err }

// AtVector makes a [*VectorError] of a [fault.ErrInvalid]; other errors stay as they are.
func AtVector(i int, err error) error {
	if err == nil || !errors.Is(err, fault.ErrInvalid) {
		return err
	}
	return &VectorError{Vector: i, Err: err}
}

// AfterVectors counts an error's vector from n vectors before.
func AfterVectors(n int, err error) error {
	var at *VectorError
	if errors.As(err, &at) {
		return &VectorError{Vector: n + at.Vector, Err: at.Err}
	}
	return err
}
