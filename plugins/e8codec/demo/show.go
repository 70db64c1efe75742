package demo

import (
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// View is one vector's way through the codec, and what the format costs over all of them.
type View struct {
	X       []float32    `json:"x"`
	Rotated []float32    `json:"rotated"` // x·R
	Decoded []float32    `json:"decoded"`
	Step    float64      `json:"step"`  // the distance between neighbouring integers in the rotated domain
	Pairs   [][4]float32 `json:"pairs"` // of each block's first two coordinates, in steps: where x is, and its lattice point
	SNR     float64      `json:"snr"`   // of this vector, dB
	Same    []Point      `json:"same"`  // the codec's formats, and scalar ones with no more bits than the first, pages, has
	Fixed   []Point      `json:"fixed"` // formats whose bits are what they are
}

// maxPairs bounds what a plot of points can show.
const maxPairs = 512

// Show follows a vector.
func Show(r Request) (*View, error) {
	p, x, err := r.params()
	if err != nil {
		return nil, err
	}
	if r.Vector < 0 || r.Vector >= r.Count {
		return nil, fmt.Errorf("%w: there is no vector %d of %d", fault.ErrInvalid, r.Vector, r.Count)
	}
	v := &View{X: x[r.Vector*r.Dim:][:r.Dim]}
	if err := v.follow(p, x, r.Vector); err != nil {
		return nil, err
	}
	return v, v.compare(p, x)
}

// follow fills in the shown vector's way and the points of it and of those after it.
func (v *View) follow(p lattice.Params, x []float32, shown int) error {
	q, err := lattice.New(p)
	if err != nil {
		return err
	}
	s, r := q.NewScratch(), q.Rotation()
	z := q.NewCodes(1).Z
	y := make([]float32, p.Dim)
	n := len(x) / p.Dim
	for i := range n {
		at := (shown + i) % n
		vector := x[at*p.Dim:][:p.Dim]
		side, err := q.Box(z, vector, s)
		if err != nil {
			return err
		}
		turn(y, vector, r)
		step := 2 * q.Step(side) // codes are twice the coordinate
		if i == 0 {
			v.Rotated, v.Step = append([]float32(nil), y...), step
			v.Decoded = make([]float32, p.Dim)
			q.Decode(v.Decoded, z, side, s)
			v.SNR = snr(vector, v.Decoded)
		}
		if step == 0 {
			continue
		}
		for b := range p.Blocks() {
			if len(v.Pairs) == maxPairs {
				return nil
			}
			first, stride := p.Variant.BlockPositions(b)
			i := b * p.Variant.Block()
			v.Pairs = append(v.Pairs, [4]float32{
				float32(float64(y[i]) / step), float32(float64(y[i+1]) / step),
				float32(z[first]) / 2, float32(z[first+stride]) / 2,
			})
		}
	}
	return nil
}

// compare fills in the formats.
func (v *View) compare(p lattice.Params, x []float32) error {
	for _, f := range formats {
		at, err := measure(p, f.coding, f.scaling, x)
		if err != nil {
			return err
		}
		v.Same = append(v.Same, at)
	}
	turned, err := rotated(p, x)
	if err != nil {
		return err
	}
	y := make([]float32, len(x))
	n := levelsWithin(p.Dim, v.Same[0].Bits)
	bits := levels(y, x, p.Dim, n)
	v.Same = append(v.Same, Point{Name: fmt.Sprintf("scalar, %d levels", n), Bits: bits, SNR: snr(x, y)})
	bits = levels(y, turned, p.Dim, n)
	v.Same = append(v.Same, Point{Name: fmt.Sprintf("rotated scalar, %d levels", n), Bits: bits, SNR: snr(turned, y)})
	v.Fixed = []Point{{Name: "q8_0", Bits: q8(y, x)}, {Name: "q4_0"}}
	v.Fixed[0].SNR = snr(x, y)
	v.Fixed[1].Bits = q4(y, x)
	v.Fixed[1].SNR = snr(x, y)
	return nil
}
