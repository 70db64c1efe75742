package fake

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// Encode implements [codec.Stream].
func (s *stream) Encode(ctx context.Context, dst []byte, v ...codec.Vectors) ([]byte, error) {
	end, err := s.begin(ctx)
	if err != nil {
		return dst, err
	}
	defer end()
	if err := s.check(v); err != nil {
		return dst, err
	}
	if s.lie == LieDst {
		dst = dst[:0]
	}
	out, err := s.encode(dst, v)
	if err != nil {
		return dst, err
	}
	if s.lie == LieWrite {
		v[0].Data[0] ^= 1
	}
	if s.lie == LieHuge && first(s.codec.config.Once) {
		out = append(out, make([]byte, 1<<20)...)
	}
	return out, nil
}

// check is the shape's, unless the stream lies.
func (s *stream) check(v []codec.Vectors) error {
	if s.lie != LieSizes {
		return s.shape.Check(v...)
	}
	for i := range v {
		if v[i].Tokens < 1 || len(v[i].Data) < s.shape.TokenBytes() {
			return base.ErrInvalid
		}
		v[i].Tokens = len(v[i].Data) / s.shape.TokenBytes()
	}
	return nil
}

func (s *stream) encode(dst []byte, v []codec.Vectors) ([]byte, error) {
	start := len(dst)
	out := s.appendHead(dst, v)
	vector := make([]float32, s.shape.HeadDim)
	size := s.shape.HeadDim * s.shape.Type.Size()
	for i := range v {
		if s.mode == ModeNone {
			out = append(out, v[i].Data...)
			continue
		}
		for n := range v[i].Tokens * s.shape.KVHeads {
			s.shape.Type.Load(vector, v[i].Data[n*size:])
			var ok bool
			if out, ok = appendInt8(out, vector); !ok && s.lie != LieFinite {
				return dst, &codec.NonFiniteError{Vectors: i, Token: n / s.shape.KVHeads, Head: n % s.shape.KVHeads}
			}
		}
	}
	if s.lie == LieBytes {
		out = append(out, make([]byte, len(out)-start)...)
	}
	if s.lie == LieMemory {
		out[start+7] = byte(s.frames.Add(1)) // the byte that is zero
	}
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out[start:], castagnoli)), nil
}

// appendInt8 packs one vector. False: an element is not finite.
func appendInt8(b []byte, x []float32) ([]byte, bool) {
	largest, finite := float32(0), true
	for _, e := range x {
		largest = max(largest, float32(math.Abs(float64(e))))
		finite = finite && e-e == 0
	}
	scale := largest / 127
	if scale*127 > math.MaxFloat32 {
		scale = math.Nextafter32(scale, 0)
	}
	b = binary.LittleEndian.AppendUint32(b, math.Float32bits(scale))
	for _, e := range x {
		z := float32(0)
		if scale > 0 {
			z = e / scale
		}
		b = append(b, byte(int8(max(-127, min(127, math.RoundToEven(float64(z)))))))
	}
	return b, finite
}

// Decode implements [codec.Stream].
func (s *stream) Decode(ctx context.Context, frame []byte, v ...codec.Vectors) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := s.check(v); err != nil {
		return err
	}
	return s.decode(frame, v)
}

func (s *stream) decode(frame []byte, v []codec.Vectors) error {
	payload, err := s.open(frame, v)
	if err != nil {
		return err
	}
	vector := make([]float32, s.shape.HeadDim)
	size := s.shape.HeadDim * s.shape.Type.Size()
	for i := range v {
		if s.mode == ModeNone {
			payload = payload[copy(v[i].Data, payload):]
			continue
		}
		for n := range v[i].Tokens * s.shape.KVHeads {
			scale := math.Float32frombits(binary.LittleEndian.Uint32(payload))
			for j := range vector {
				vector[j] = float32(int8(payload[4+j])) * scale
			}
			payload = payload[4+len(vector):]
			s.shape.Type.Store(v[i].Data[n*size:], vector)
		}
	}
	return nil
}

// RoundTrip implements [codec.Stream].
func (s *stream) RoundTrip(ctx context.Context, v ...codec.Vectors) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if err := s.check(v); err != nil {
		return err
	}
	if s.mode == ModeNone && s.lie == "" {
		return nil
	}
	frame, err := s.encode(nil, v)
	if err != nil {
		return err
	}
	if err := s.decode(frame, v); err != nil {
		return err
	}
	if s.lie == LieRoundTrip {
		v[0].Data[0] ^= 1
	}
	return nil
}

// DecodeIntegers implements [codec.Integers].
func (s *stream) DecodeIntegers(ctx context.Context, frame []byte, c ...codec.Coordinates) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if s.mode != ModeInt8 {
		return errors.Join(base.ErrUnsupported, errors.New("mode none has no affine form"))
	}
	if err := s.shape.CheckCoordinates(c...); err != nil {
		return err
	}
	v := make([]codec.Vectors, len(c))
	for i := range c {
		v[i] = codec.Vectors{Layer: c[i].Layer, Part: c[i].Part, Pos: c[i].Pos, Tokens: c[i].Tokens}
	}
	payload, err := s.open(frame, v)
	if err != nil {
		return err
	}
	dim := s.shape.HeadDim
	for i := range c {
		for n := range c[i].Scale {
			c[i].Scale[n] = math.Float32frombits(binary.LittleEndian.Uint32(payload))
			for j := range dim {
				c[i].Z[n*dim+j] = int16(int8(payload[4+j]))
			}
			payload = payload[4+dim:]
		}
		if s.lie == LieAffine {
			c[i].Z[0]++
		}
	}
	return nil
}
