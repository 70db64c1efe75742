package codec

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codecpb"
)

// The functions xToWire and xFromWire are each other's inverse for values that the contract
// allows; slices and maps are shared, not copied, but for integers.

func shapeToWire(s Shape) *codecpb.Shape {
	return &codecpb.Shape{
		Layers:  int64(s.Layers),
		KvHeads: int64(s.KVHeads),
		HeadDim: int64(s.HeadDim),
		Type:    uint32(s.Type),
	}
}

func shapeFromWire(m *codecpb.Shape) Shape {
	return Shape{
		Layers:  int(m.GetLayers()),
		KVHeads: int(m.GetKvHeads()),
		HeadDim: int(m.GetHeadDim()),
		Type:    DType(min(m.GetType(), math.MaxUint8)),
	}
}

func descriptionToWire(d Description) *codecpb.Description {
	m := &codecpb.Description{Format: d.Format, Params: d.Params, Bits: d.Bits, ErrorBound: d.ErrorBound}
	if a := d.Affine; a != nil {
		m.Affine = &codecpb.Affine{
			R:           a.R,
			Denominator: int64(a.Denominator),
			Min:         int64(a.Min),
			Max:         int64(a.Max),
		}
		if p := a.Points; p != nil {
			m.Affine.Points = &codecpb.Points{Lattice: p.Lattice, Range: int64(p.Range), ScaleBits: int64(p.ScaleBits), Gain: p.Gain}
		}
	}
	return m
}

func descriptionFromWire(m *codecpb.Description) Description {
	d := Description{Format: m.GetFormat(), Params: m.GetParams(), Bits: m.GetBits(), ErrorBound: m.GetErrorBound()}
	if a := m.GetAffine(); a != nil {
		d.Affine = &Affine{
			R:           a.GetR(),
			Denominator: int(a.GetDenominator()),
			Min:         int(a.GetMin()),
			Max:         int(a.GetMax()),
		}
		if p := a.GetPoints(); p != nil {
			d.Affine.Points = &Points{Lattice: p.GetLattice(), Range: int(p.GetRange()), ScaleBits: int(p.GetScaleBits()), Gain: p.GetGain()}
		}
	}
	return d
}

func headerToWire(v Vectors) *codecpb.Header {
	return &codecpb.Header{Layer: int64(v.Layer), Part: uint32(v.Part), Pos: int64(v.Pos), Tokens: int64(v.Tokens)}
}

func headerFromWire(m *codecpb.Header) Vectors {
	return Vectors{
		Layer:  int(m.GetLayer()),
		Part:   Part(min(m.GetPart(), math.MaxUint8)),
		Pos:    int(m.GetPos()),
		Tokens: int(m.GetTokens()),
	}
}

func headersToWire(v []Vectors) []*codecpb.Header {
	out := make([]*codecpb.Header, len(v))
	for i := range v {
		out[i] = headerToWire(v[i])
	}
	return out
}

func vectorsToWire(v []Vectors) []*codecpb.Vectors {
	out := make([]*codecpb.Vectors, len(v))
	for i := range v {
		out[i] = &codecpb.Vectors{Header: headerToWire(v[i]), Data: v[i].Data}
	}
	return out
}

func vectorsFromWire(m []*codecpb.Vectors) []Vectors {
	out := make([]Vectors, len(m))
	for i := range m {
		out[i] = headerFromWire(m[i].GetHeader())
		out[i].Data = m[i].GetData()
	}
	return out
}

func dataOf(v []Vectors) [][]byte {
	out := make([][]byte, len(v))
	for i := range v {
		out[i] = v[i].Data
	}
	return out
}

// copyData fills the vectors with an answer's data, which must be of their lengths.
func copyData(v []Vectors, data [][]byte) error {
	if len(data) != len(v) {
		return fmt.Errorf("%w: the answer has %d vectors, not %d", base.ErrLied, len(data), len(v))
	}
	for i := range v {
		if len(data[i]) != len(v[i].Data) {
			return fmt.Errorf("%w: vectors[%d] of the answer has %d bytes, not %d", base.ErrLied, i, len(data[i]), len(v[i].Data))
		}
	}
	for i := range v {
		copy(v[i].Data, data[i])
	}
	return nil
}

func coordinatesToWire(c []Coordinates) []*codecpb.Coordinates {
	out := make([]*codecpb.Coordinates, len(c))
	for i := range c {
		z := make([]byte, 0, 2*len(c[i].Z))
		for _, x := range c[i].Z {
			z = binary.LittleEndian.AppendUint16(z, uint16(x))
		}
		out[i] = &codecpb.Coordinates{Z: z, Scale: c[i].Scale}
	}
	return out
}

// copyCoordinates fills the coordinates with an answer's, which must be of their lengths.
func copyCoordinates(c []Coordinates, m []*codecpb.Coordinates) error {
	if len(m) != len(c) {
		return fmt.Errorf("%w: the answer has %d vectors, not %d", base.ErrLied, len(m), len(c))
	}
	for i := range c {
		if len(m[i].GetZ()) != 2*len(c[i].Z) || len(m[i].GetScale()) != len(c[i].Scale) {
			return fmt.Errorf("%w: vectors[%d] of the answer is of another length", base.ErrLied, i)
		}
	}
	for i := range c {
		z := m[i].GetZ()
		for j := range c[i].Z {
			c[i].Z[j] = int16(binary.LittleEndian.Uint16(z[2*j:]))
		}
		copy(c[i].Scale, m[i].GetScale())
	}
	return nil
}
