package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// Open implements codec.Codec. The host always gives q; this codec has no range and takes any.
func (*plugin) Open(_ context.Context, shape codec.Shape, params codec.Params) (codec.Stream, error) {
	if err := shape.Validate(); err != nil {
		return nil, err
	}
	for key, value := range params {
		if key != "q" {
			return nil, fmt.Errorf("%s: %w: unknown parameter", key, base.ErrInvalid)
		}
		if q, err := strconv.Atoi(value); err != nil || q < 1 {
			return nil, fmt.Errorf("q: %w: %q is not a whole number from 1", base.ErrInvalid, value)
		}
	}
	return &stream{shape: shape}, nil
}

// stream implements codec.Stream and codec.Integers. It has no state but whether it is closed, so
// that it is safe for concurrent use.
type stream struct {
	shape  codec.Shape
	closed atomic.Bool
}

// steps is the largest integer.
const steps = 127

// The most that packing loses, of the squares: a step's twelfth for the square of the largest of
// up to codec.MaxHeadDim normal numbers. Rounding to the number format comes on top.
const stepError = 1e-4

var formatError = map[codec.DType]float64{codec.F32: 0, codec.F16: 1e-6, codec.BF16: 1e-5}

// Describe implements codec.Stream.
func (s *stream) Describe() codec.Description {
	page, vectors := 64*s.shape.TokenElements(), 2*s.shape.Layers
	return codec.Description{
		Format:     name + "/1 " + s.shape.Type.String(), // every parameter that decoding depends on
		Params:     codec.Params{},
		Bits:       8 * float64(s.frameBytes(vectors, 64*vectors)) / float64(page*vectors),
		ErrorBound: stepError + formatError[s.shape.Type],
		Affine:     &codec.Affine{Denominator: 1, Min: -steps, Max: steps}, // R nil: not rotated
	}
}

// Close implements codec.Stream.
func (s *stream) Close() error {
	s.closed.Store(true)
	return nil
}

// ready says what is wrong with a call before it is at work.
func (s *stream) ready(ctx context.Context) error {
	if s.closed.Load() {
		return codec.ErrClosed
	}
	return ctx.Err()
}

// RoundTrip implements codec.Stream.
func (s *stream) RoundTrip(ctx context.Context, v ...codec.Vectors) error {
	frame, err := s.Encode(ctx, nil, v...)
	if err != nil {
		return err
	}
	return s.Decode(ctx, frame, v...)
}

// Encode implements codec.Stream.
func (s *stream) Encode(ctx context.Context, dst []byte, v ...codec.Vectors) ([]byte, error) {
	if err := s.ready(ctx); err != nil {
		return dst, err
	}
	if err := s.shape.Check(v...); err != nil {
		return dst, err
	}
	start := len(dst)
	out := s.appendHead(dst, v)
	x, size := make([]float32, s.shape.HeadDim), s.shape.HeadDim*s.shape.Type.Size()
	for i := range v {
		for n := range v[i].Tokens * s.shape.KVHeads {
			s.shape.Type.Load(x, v[i].Data[n*size:])
			var ok bool
			if out, ok = appendVector(out, x); !ok {
				return dst, &codec.NonFiniteError{Vectors: i, Token: n / s.shape.KVHeads, Head: n % s.shape.KVHeads}
			}
		}
	}
	return appendSum(out, start), nil
}

// appendVector packs one vector: a scale, and as many integers. False: an element is not finite.
func appendVector(b []byte, x []float32) ([]byte, bool) {
	largest := float32(0)
	for _, e := range x {
		if e-e != 0 {
			return b, false
		}
		largest = max(largest, float32(math.Abs(float64(e))))
	}
	scale := largest / steps
	if float64(scale)*steps > math.MaxFloat32 {
		scale = math.Nextafter32(scale, 0) // or the largest would not come back finite
	}
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(scale))
	for _, e := range x {
		z := 0.0
		if scale > 0 {
			z = math.RoundToEven(float64(e / scale))
		}
		b = append(b, byte(int8(max(-steps, min(steps, z)))))
	}
	return b, true
}

// Decode implements codec.Stream.
func (s *stream) Decode(ctx context.Context, frame []byte, v ...codec.Vectors) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.shape.Check(v...); err != nil {
		return err
	}
	payload, err := s.payload(frame, v)
	if err != nil {
		return err
	}
	x, size := make([]float32, s.shape.HeadDim), s.shape.HeadDim*s.shape.Type.Size()
	for i := range v {
		for n := range v[i].Tokens * s.shape.KVHeads {
			scale := math.Float32frombits(binary.LittleEndian.Uint32(payload))
			for j := range x {
				x[j] = float32(int8(payload[4+j])) * scale
			}
			s.shape.Type.Store(v[i].Data[n*size:], x)
			payload = payload[4+len(x):]
		}
	}
	return nil
}

// DecodeIntegers implements codec.Integers.
func (s *stream) DecodeIntegers(ctx context.Context, frame []byte, c ...codec.Coordinates) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.shape.CheckCoordinates(c...); err != nil {
		return err
	}
	v := make([]codec.Vectors, len(c))
	for i := range c {
		v[i] = codec.Vectors{Layer: c[i].Layer, Part: c[i].Part, Pos: c[i].Pos, Tokens: c[i].Tokens}
	}
	payload, err := s.payload(frame, v)
	if err != nil {
		return err
	}
	for i := range c {
		for n := range c[i].Scale {
			c[i].Scale[n] = math.Float32frombits(binary.LittleEndian.Uint32(payload))
			for j := range s.shape.HeadDim {
				c[i].Z[n*s.shape.HeadDim+j] = int16(int8(payload[4+j]))
			}
			payload = payload[4+s.shape.HeadDim:]
		}
	}
	return nil
}
