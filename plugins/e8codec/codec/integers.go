package codec

import (
	"context"
	"math"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// maxCode is the largest magnitude of a code that no box bounds.
const maxCode = math.MaxInt16

// affineOf is the form of a packer's vectors. Codes are twice the coordinates: those of E8 are
// taken as they are, over 2; those of D4 are even and are halved.
func affineOf(packer *frame.Codec) *contract.Affine {
	o := packer.Options()
	bound := maxCode
	if o.Scaling == frame.ScaleBox {
		bound = 2 * o.Params.Q
	}
	a := &contract.Affine{R: packer.Quantizer().Rotation(), Denominator: 2, Min: -bound, Max: bound}
	if o.Params.Variant == lattice.D4 {
		a.Denominator, a.Min, a.Max = 1, -(bound / 2), bound/2
	}
	if o.Scaling == frame.ScaleBox && !o.Params.Compat {
		scaleBits, gain := packer.Quantizer().BoxScale()
		a.Points = &contract.Points{Lattice: o.Params.Variant.String(), Range: o.Params.Q, ScaleBits: scaleBits, Gain: gain}
	}
	return a
}

// DecodeIntegers implements the contract.
func (s *stream) DecodeIntegers(ctx context.Context, packed []byte, c ...contract.Coordinates) error {
	end, err := s.Enter()
	if err != nil {
		return err
	}
	defer end()
	if err := s.shape.CheckCoordinates(c...); err != nil {
		return err
	}
	v := make([]contract.Vectors, len(c))
	for i := range c {
		v[i] = contract.Vectors{Layer: c[i].Layer, Part: c[i].Part, Pos: c[i].Pos, Tokens: c[i].Tokens}
	}
	coding, payloads, err := s.unseal(packed, v)
	if err != nil {
		return err
	}
	halve := s.packer.Options().Params.Variant == lattice.D4
	groups := s.groups(v)
	return s.over(ctx, v, len(groups), func(i int) error {
		c := c[groups[i].first : groups[i].first+groups[i].n]
		to := make([]frame.Integers, len(c))
		for i := range c {
			to[i] = frame.Integers{Z: c[i].Z, Steps: make([]float64, len(c[i].Scale))}
		}
		if err := s.packer.DecodeCodes(coding, payloads[i], to...); err != nil {
			return err
		}
		for i := range c {
			for j, step := range to[i].Steps {
				c[i].Scale[j] = float32(min(2*step, math.MaxFloat32))
			}
			if halve {
				for j := range c[i].Z {
					c[i].Z[j] /= 2
				}
			}
		}
		return nil
	})
}
