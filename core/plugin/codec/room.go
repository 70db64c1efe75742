package codec

import (
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codecpb"
)

// check refuses a description that a codec cannot mean.
func (d Description) check(s Shape) error {
	switch {
	case d.Format == "":
		return badDescription("format is empty")
	case !(d.Bits > 0 && d.Bits <= math.MaxFloat32): // written so that NaN fails
		return badDescription("bits are %v", d.Bits)
	case !(d.ErrorBound >= 0 && d.ErrorBound <= math.MaxFloat32):
		return badDescription("the error bound is %v", d.ErrorBound)
	}
	a := d.Affine
	if a == nil {
		return nil
	}
	switch {
	case a.R != nil && len(a.R) != s.HeadDim*s.HeadDim:
		return badDescription("the rotation has %d elements, head_dim is %d", len(a.R), s.HeadDim)
	case a.Denominator < 1:
		return badDescription("the denominator is %d", a.Denominator)
	case a.Min > a.Max || a.Min < math.MinInt16 || a.Max > math.MaxInt16:
		return badDescription("coordinates are between %d and %d", a.Min, a.Max)
	}
	if p := a.Points; p != nil && (p.Range < 1 || p.Range > math.MaxInt16 || p.ScaleBits < 1 || p.ScaleBits > mantissa || !(p.Gain > 0 && p.Gain <= math.MaxFloat32)) {
		return badDescription("points are %+v", *p)
	}
	return nil
}

// mantissa is how many bits of it a float32 has.
const mantissa = 23

func badDescription(format string, args ...any) error {
	return fmt.Errorf("%w: it describes a stream wrongly: %s", base.ErrLied, fmt.Sprintf(format, args...))
}

// integersOf is the stream's affine form.
func integersOf(s *served) (Integers, error) {
	if i, ok := s.Stream.(Integers); ok {
		return i, nil
	}
	return nil, fmt.Errorf("decode integers: %w: the stream has no affine form", base.ErrUnsupported)
}

// room makes vectors to decode into. What would be too large an answer is ErrInvalid.
func room(s Shape, headers []*codecpb.Header) ([]Vectors, error) {
	v, total := make([]Vectors, len(headers)), int64(0)
	for i, m := range headers {
		v[i] = headerFromWire(m)
		if err := s.checkHeader(i, v[i]); err != nil {
			return nil, err
		}
		if total += int64(v[i].Tokens) * int64(s.TokenBytes()); total > base.MaxMessage {
			return nil, invalid("vectors", "they are more than the %d bytes of a message", base.MaxMessage)
		}
	}
	for i := range v {
		v[i].Data = make([]byte, v[i].Tokens*s.TokenBytes())
	}
	return v, s.Check(v...)
}

// coordinateRoom is room for the affine form.
func coordinateRoom(s Shape, headers []*codecpb.Header) ([]Coordinates, error) {
	c, total := make([]Coordinates, len(headers)), int64(0)
	for i, m := range headers {
		h := headerFromWire(m)
		if err := s.checkHeader(i, h); err != nil {
			return nil, err
		}
		if total += int64(h.Tokens) * int64(2*s.TokenElements()+4*s.KVHeads); total > base.MaxMessage {
			return nil, invalid("vectors", "they are more than the %d bytes of a message", base.MaxMessage)
		}
		c[i] = Coordinates{Layer: h.Layer, Part: h.Part, Pos: h.Pos, Tokens: h.Tokens}
	}
	for i := range c {
		c[i].Z = make([]int16, c[i].Tokens*s.TokenElements())
		c[i].Scale = make([]float32, c[i].Tokens*s.KVHeads)
	}
	return c, s.CheckCoordinates(c...)
}

func headersOf(c []Coordinates) []Vectors {
	v := make([]Vectors, len(c))
	for i := range c {
		v[i] = c[i].header()
	}
	return v
}
