package weights

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
)

// known is a value of metadata that was not read from a GGUF file: a string, bool, float64, []string, []int64 or
// []float64.
type known struct{ any }

func (v known) Valid() bool { return v.any != nil }
func (v known) Int() int64  { return 0 } // numbers are all of one kind
func (v known) Uint() uint64 {
	return 0
}
func (v known) Float() float64    { return as[float64](v) }
func (v known) Bool() bool        { return as[bool](v) }
func (v known) String() string    { return as[string](v) }
func (v known) Strings() []string { return as[[]string](v) }
func (v known) Ints() []int64     { return as[[]int64](v) }
func (v known) Uints() []uint64   { return nil }
func (v known) Floats() []float64 { return as[[]float64](v) }

func as[T any](v known) T {
	t, _ := v.any.(T) // zero otherwise
	return t
}

// floats is a tensor that no file has.
func floats(numbers []float32) source {
	data := make([]byte, 0, 4*len(numbers))
	for _, n := range numbers {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(n))
	}
	return source{kind: F32, shape: []uint64{uint64(len(numbers))}, read: func() (io.Reader, error) { return bytes.NewReader(data), nil }}
}
