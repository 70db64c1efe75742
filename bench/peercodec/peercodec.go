// Package peercodec has the number formats of other engines' caches as codecs, so that they are
// measured under the same conditions as ours: the same vectors, the first tokens exact, the same
// evaluation. It is for measuring alone and is not built into the plugin folder.
//
// Its formats are ggml's q8_0, q5_0 and q4_0: blocks of 32 elements with one f16 scale and 8, 5 or
// 4 bits an element. With rotation, vectors are multiplied by a Hadamard matrix first, as llama.cpp
// does to a quantised cache in its newer versions. Values may have other bits than keys (K8V4).
// TurboQuant's (Zandieh et al. 2025, the variant for the mean square) is one f16 norm for a vector, and
// for each coordinate of the rotated vector the nearest of 8 or 16 levels that Lloyd and Max found for
// normal numbers.
package peercodec

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// The keys of the parameters: q is the bits of an element (8, 5 or 4; of lloyd-max 4 or 3), values those of a value's where
// they are others.
const (
	keyQ        = "q"
	keyValues   = "values"
	keyRotation = "rotation"
	keyLevels   = "levels"
)

// Levels that numbers are rounded to.
const (
	Even     = "even"      // ggml's
	LloydMax = "lloyd-max" // TurboQuant's
)

// Rotations.
const (
	None     = "none"
	Hadamard = "hadamard"
)

// Codec is a codec. It keeps nothing between calls.
type Codec struct {
	*base.Self
	rotation string
	levels   string
}

// New makes a codec of that name whose streams have that rotation and those levels when nothing else is said.
func New(name, rotation, levels string) *Codec {
	return &Codec{
		Self: base.NewSelf(base.Info{
			Kind: base.KindCodec, Name: name, Version: "1",
			Description: "formats of peers, rotation " + rotation + ", levels " + levels,
		}),
		rotation: rotation,
		levels:   levels,
	}
}

// Open implements [codec.Codec].
func (c *Codec) Open(ctx context.Context, shape codec.Shape, params codec.Params) (codec.Stream, error) {
	if err := shape.Validate(); err != nil {
		return nil, err
	}
	s := &stream{shape: shape, rotation: c.rotation, levels: c.levels}
	bits, values := "8", ""
	if s.levels == LloydMax {
		bits = "4"
	}
	for _, key := range slices.Sorted(maps.Keys(params)) {
		value := params[key]
		switch key {
		case keyQ:
			bits = value
		case keyValues:
			values = value
		case keyRotation:
			s.rotation = value
		case keyLevels:
			s.levels = value
		default:
			return nil, fmt.Errorf("%s: %w: unknown parameter", key, base.ErrInvalid)
		}
	}
	known := map[string][]string{Even: {"8", "5", "4"}, LloydMax: {"4", "3"}}[s.levels]
	if known == nil {
		return nil, fmt.Errorf("levels: %w: %q is not even or lloyd-max", base.ErrInvalid, s.levels)
	}
	for i, said := range []string{bits, cmp.Or(values, bits)} {
		if !slices.Contains(known, said) {
			return nil, fmt.Errorf("q: %w: %q is not one of %v, the bits of an element", base.ErrInvalid, said, known)
		}
		s.bits[i], _ = strconv.Atoi(said)
	}
	switch {
	case s.rotation != None && s.rotation != Hadamard:
		return nil, fmt.Errorf("rotation: %w: %q is not none or hadamard", base.ErrInvalid, s.rotation)
	case shape.HeadDim%block != 0:
		return nil, fmt.Errorf("head_dim: %w: %d is no multiple of %d", base.ErrUnsupported, shape.HeadDim, block)
	case s.rotation == Hadamard && shape.HeadDim&(shape.HeadDim-1) != 0:
		return nil, fmt.Errorf("head_dim: %w: %d is no power of two", base.ErrUnsupported, shape.HeadDim)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.description = s.describe()
	return s, nil
}

// stream is an open one.
type stream struct {
	shape       codec.Shape
	bits        [2]int // of keys and values
	rotation    string
	levels      string
	description codec.Description

	codec.Gate
}

// Describe implements [codec.Stream].
func (s *stream) Describe() codec.Description { return s.description }

// each calls work for each vector of v, with its elements. When change is set they are stored
// back.
func (s *stream) each(ctx context.Context, v []codec.Vectors, change bool, work func(bits int, x []float32) bool) error {
	x := make([]float32, s.shape.HeadDim)
	size := s.shape.HeadDim * s.shape.Type.Size()
	for i := range v {
		if err := ctx.Err(); err != nil {
			return err
		}
		for n := range v[i].Tokens * s.shape.KVHeads {
			data := v[i].Data[n*size : (n+1)*size]
			s.shape.Type.Load(x, data)
			if !work(s.bits[v[i].Part-codec.Key], x) {
				return &codec.NonFiniteError{Vectors: i, Token: n / s.shape.KVHeads, Head: n % s.shape.KVHeads}
			}
			if change {
				s.shape.Type.Store(data, x)
			}
		}
	}
	return nil
}

// begin lets a call in and checks its vectors. The caller ends it unless there is an error.
func (s *stream) begin(v []codec.Vectors) (end func(), err error) {
	end, err = s.Enter()
	if err != nil {
		return nil, err
	}
	if err := s.shape.Check(v...); err != nil {
		end()
		return nil, err
	}
	return end, nil
}

// RoundTrip implements [codec.Stream].
func (s *stream) RoundTrip(ctx context.Context, v ...codec.Vectors) error {
	end, err := s.begin(v)
	if err != nil {
		return err
	}
	defer end()
	packed := make([]byte, 0, s.vectorBytes(8))
	return s.each(ctx, v, true, func(bits int, x []float32) bool {
		if !finite(x) {
			return false
		}
		s.unpack(bits, x, s.pack(bits, packed[:0], x))
		return true
	})
}

// Encode implements [codec.Stream].
func (s *stream) Encode(ctx context.Context, dst []byte, v ...codec.Vectors) ([]byte, error) {
	end, err := s.begin(v)
	if err != nil {
		return dst, err
	}
	defer end()
	out := s.appendHead(dst, v)
	err = s.each(ctx, v, false, func(bits int, x []float32) bool {
		ok := finite(x)
		out = s.pack(bits, out, x)
		return ok
	})
	if err != nil {
		return dst, err
	}
	return seal(out, len(dst)), nil
}

// Decode implements [codec.Stream].
func (s *stream) Decode(ctx context.Context, frame []byte, v ...codec.Vectors) error {
	end, err := s.begin(v)
	if err != nil {
		return err
	}
	defer end()
	payload, err := s.open(frame, v)
	if err != nil {
		return err
	}
	return s.each(ctx, v, true, func(bits int, x []float32) bool {
		s.unpack(bits, x, payload)
		payload = payload[s.vectorBytes(bits):]
		return true
	})
}

// describe measures on normal numbers what a page loses.
func (s *stream) describe() codec.Description {
	return codec.Description{
		Format:     fmt.Sprintf("ggml/%d k%d v%d %s %s", version, s.bits[0], s.bits[1], s.rotation, s.levels),
		Params:     codec.Params{keyQ: strconv.Itoa(s.bits[0]), keyValues: strconv.Itoa(s.bits[1]), keyRotation: s.rotation, keyLevels: s.levels},
		Bits:       s.pageBits(),
		ErrorBound: s.pageError(),
	}
}
