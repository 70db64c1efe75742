package codec

import (
	"fmt"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// The largest shapes that Validate lets pass. They bound what a peer can make a codec allocate.
const (
	MaxLayers  = 1 << 12
	MaxKVHeads = 1 << 12
	MaxHeadDim = 1 << 13
	MaxTokens  = 1 << 24 // of one Vectors
	MaxPos     = 1<<31 - 1
	MaxVectors = 2 * MaxLayers // of one call
)

// Size is an element's bytes; 0 for what is no DType.
func (d DType) Size() int {
	switch d {
	case F32:
		return 4
	case F16, BF16:
		return 2
	}
	return 0
}

// String is f32, f16 or bf16.
func (d DType) String() string {
	switch d {
	case F32:
		return "f32"
	case F16:
		return "f16"
	case BF16:
		return "bf16"
	}
	return "dtype(" + strconv.Itoa(int(d)) + ")"
}

// ParseDType reads what String writes.
func ParseDType(s string) (DType, error) {
	for _, d := range []DType{F32, F16, BF16} {
		if d.String() == s {
			return d, nil
		}
	}
	return 0, invalid("type", "%q is not f32, f16 or bf16", s)
}

// String is key or value.
func (p Part) String() string {
	switch p {
	case Key:
		return "key"
	case Value:
		return "value"
	}
	return "part(" + strconv.Itoa(int(p)) + ")"
}

// TokenElements is the elements of one token in one [Vectors].
func (s Shape) TokenElements() int { return s.KVHeads * s.HeadDim }

// TokenBytes is the bytes of one token in one [Vectors].
func (s Shape) TokenBytes() int { return s.TokenElements() * s.Type.Size() }

// Validate refuses a shape that means nothing, with an ErrInvalid that names the field.
func (s Shape) Validate() error {
	for _, f := range []struct {
		name       string
		value, max int
	}{
		{"layers", s.Layers, MaxLayers},
		{"kv_heads", s.KVHeads, MaxKVHeads},
		{"head_dim", s.HeadDim, MaxHeadDim},
	} {
		if f.value < 1 || f.value > f.max {
			return invalid(f.name, "%d is not between 1 and %d", f.value, f.max)
		}
	}
	if s.Type.Size() == 0 {
		return invalid("type", "%v is not f32, f16 or bf16", s.Type)
	}
	return nil
}

// Check refuses vectors that do not fit a valid shape, with an ErrInvalid that names which and
// what. A codec calls it before it looks at Data; that of a proxy was checked on both ends.
func (s Shape) Check(v ...Vectors) error {
	if len(v) == 0 || len(v) > MaxVectors {
		return invalid("vectors", "%d of them, not between 1 and %d", len(v), MaxVectors)
	}
	for i := range v {
		if err := s.checkHeader(i, v[i]); err != nil {
			return err
		}
		if want := int64(v[i].Tokens) * int64(s.TokenBytes()); int64(len(v[i].Data)) != want {
			return invalid(vectorName(i, "data"), "%d bytes, %d tokens of %d x %d %v have %d",
				len(v[i].Data), v[i].Tokens, s.KVHeads, s.HeadDim, s.Type, want)
		}
	}
	return nil
}

// CheckCoordinates is Check for the affine form.
func (s Shape) CheckCoordinates(c ...Coordinates) error {
	if len(c) == 0 || len(c) > MaxVectors {
		return invalid("vectors", "%d of them, not between 1 and %d", len(c), MaxVectors)
	}
	for i := range c {
		if err := s.checkHeader(i, c[i].header()); err != nil {
			return err
		}
		if want := int64(c[i].Tokens) * int64(s.TokenElements()); int64(len(c[i].Z)) != want {
			return invalid(vectorName(i, "z"), "%d coordinates, not %d", len(c[i].Z), want)
		}
		if want := int64(c[i].Tokens) * int64(s.KVHeads); int64(len(c[i].Scale)) != want {
			return invalid(vectorName(i, "scale"), "%d scales, not %d", len(c[i].Scale), want)
		}
	}
	return nil
}

func (s Shape) checkHeader(i int, v Vectors) error {
	switch {
	case v.Layer < 0 || v.Layer >= s.Layers:
		return invalid(vectorName(i, "layer"), "%d, of %d layers", v.Layer, s.Layers)
	case v.Part != Key && v.Part != Value:
		return invalid(vectorName(i, "part"), "%v is not key or value", v.Part)
	case v.Pos < 0 || v.Pos > MaxPos:
		return invalid(vectorName(i, "pos"), "%d is not between 0 and %d", v.Pos, MaxPos)
	case v.Tokens < 1 || v.Tokens > MaxTokens:
		return invalid(vectorName(i, "tokens"), "%d is not between 1 and %d", v.Tokens, MaxTokens)
	}
	return nil
}

// header is that of the vectors which the coordinates stand for.
func (c Coordinates) header() Vectors {
	return Vectors{Layer: c.Layer, Part: c.Part, Pos: c.Pos, Tokens: c.Tokens}
}

func vectorName(i int, field string) string { return fmt.Sprintf("vectors[%d].%s", i, field) }

func invalid(field, format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", field, base.ErrInvalid, fmt.Sprintf(format, args...))
}
