package net

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/ollama/ollama/fs/ggml"
)

// Rows reads single rows of a tensor from a file. It is safe for concurrent use.
type Rows struct {
	N, Columns int

	r      io.ReaderAt
	at     int64 // of the first row
	bytes  int   // of a row
	decode func(dst []float32, raw []byte)
}

func newRows(r io.ReaderAt, offset int64, t *ggml.Tensor) (*Rows, error) {
	if len(t.Shape) < 1 || len(t.Shape) > 2 || t.Shape[0] < 1 || t.Shape[0] > 1<<24 {
		return nil, fmt.Errorf("tensor %s has the shape %v", t.Name, t.Shape)
	}
	x := &Rows{N: 1, Columns: int(t.Shape[0]), r: r, at: offset + int64(t.Offset)}
	if len(t.Shape) == 2 {
		x.N = int(t.Shape[1])
	}
	kind := ggml.TensorType(t.Kind)
	switch kind {
	case ggml.TensorTypeF32:
		x.decode = decodeF32
	case ggml.TensorTypeF16:
		x.decode = decodeF16
	case ggml.TensorTypeBF16:
		x.decode = decodeBF16
	case ggml.TensorTypeQ8_0:
		x.decode = decodeQ8
	default:
		return nil, fmt.Errorf("tensor %s is %s: F32, F16, BF16 and Q8_0 are read", t.Name, kind)
	}
	if x.Columns%int(kind.BlockSize()) != 0 {
		return nil, fmt.Errorf("tensor %s of %s has rows of %d elements", t.Name, kind, x.Columns)
	}
	x.bytes = x.Columns / int(kind.BlockSize()) * int(kind.TypeSize())
	return x, nil
}

// Read writes row i to dst, of Columns elements.
func (x *Rows) Read(i int, dst []float32) error {
	if i < 0 || i >= x.N {
		return fmt.Errorf("row %d of %d", i, x.N)
	}
	raw := make([]byte, x.bytes)
	if _, err := x.r.ReadAt(raw, x.at+int64(i)*int64(x.bytes)); err != nil {
		return fmt.Errorf("read a row: %w", err)
	}
	x.decode(dst[:x.Columns], raw)
	return nil
}

func decodeF32(dst []float32, raw []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
}

func decodeF16(dst []float32, raw []byte) {
	for i := range dst {
		dst[i] = half(binary.LittleEndian.Uint16(raw[2*i:]))
	}
}

func decodeBF16(dst []float32, raw []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
	}
}

// decodeQ8 reads blocks of 32 int8 behind a scale in f16.
func decodeQ8(dst []float32, raw []byte) {
	for ; len(dst) > 0; dst, raw = dst[32:], raw[34:] {
		scale := half(binary.LittleEndian.Uint16(raw))
		for i, q := range raw[2:34] {
			dst[i] = scale * float32(int8(q))
		}
	}
}

// half is the value of an IEEE 754 binary16.
func half(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent, mantissa := uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0:
		v := float32(mantissa) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | mantissa<<13)
}
