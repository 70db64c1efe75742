package weights

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/kakeyad/kakeyad/core/gguf"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// ErrNoTensor is a tensor that a file does not have.
var ErrNoTensor = errors.New("no such tensor")

// File is an open model file, whose metadata and tensors have the names that GGUF gives them. It is not safe for
// concurrent use.
type File struct {
	Architecture string
	Quantization string // of most weights
	Permuted     bool   // rows of queries and keys are in the order that pairs of neighbours are rotated in

	size    int64
	value   func(key string) value
	tensors map[string]source
	close   func() error
}

// value is one of the metadata. Those that do not exist are not valid, and of another kind than asked for are zero.
type value interface {
	Valid() bool
	Int() int64
	Uint() uint64
	Float() float64
	Bool() bool
	String() string
	Strings() []string
	Ints() []int64
	Uints() []uint64
	Floats() []float64
}

// source is a tensor that was not read yet.
type source struct {
	kind  Kind
	shape []uint64 // the last axis first
	read  func() (io.Reader, error)
	plus  float32 // is added to each number
}

// Open checks a file and reads its head: a GGUF file, or with the ending .safetensors one that config.json and
// tokenizer.json lie beside. The errors are those of gguf.ReadFile. The caller closes it.
func Open(path string) (*File, error) {
	if strings.EqualFold(filepath.Ext(path), ".safetensors") {
		return openSafetensors(path)
	}
	return openGGUF(path)
}

// Close closes the file; tensors that were read stay.
func (f *File) Close() error { return f.close() }

// Number is a single number of the metadata, or fallback.
func (f *File) Number(key string, fallback float64) float64 {
	kv := f.value(key)
	if !kv.Valid() {
		return fallback
	}
	return kv.Float() + float64(kv.Int()) + float64(kv.Uint()) // it is one of them, and the others are 0
}

// Integer is Number for counts.
func (f *File) Integer(key string, fallback int) int { return int(f.Number(key, float64(fallback))) }

// Flag is a truth value of the metadata, or fallback.
func (f *File) Flag(key string, fallback bool) bool {
	if kv := f.value(key); kv.Valid() {
		return kv.Bool()
	}
	return fallback
}

// Text is a text of the metadata, "" when there is none.
func (f *File) Text(key string) string { return f.value(key).String() }

// Texts is a list of texts of the metadata.
func (f *File) Texts(key string) []string { return f.value(key).Strings() }

// Floats is a list of numbers of the metadata.
func (f *File) Floats(key string) []float64 { return f.value(key).Floats() }

// Integers is a list of whole numbers of the metadata.
func (f *File) Integers(key string) []int64 {
	v := f.value(key)
	if n := v.Ints(); n != nil {
		return n
	}
	var out []int64
	for _, n := range v.Uints() {
		out = append(out, int64(n))
	}
	return out
}

// Has says whether the file has a tensor.
func (f *File) Has(name string) bool { _, has := f.tensors[name]; return has }

// Parameters is how many numbers all tensors have.
func (f *File) Parameters() (n int64) {
	for _, t := range f.tensors {
		one := int64(1)
		for _, d := range t.shape {
			one *= int64(d)
		}
		n += one
	}
	return n
}

// Tensor reads a tensor as it is stored. ErrNoTensor; base.ErrUnsupported: its kind is not known; gguf.ErrTruncated.
func (f *File) Tensor(name string) (Tensor, error) {
	s, has := f.tensors[name]
	if !has {
		return Tensor{}, fmt.Errorf("tensor %q: %w", name, ErrNoTensor)
	}
	t := Tensor{Kind: s.kind, Rows: 1, Columns: 1, plus: s.plus}
	for i, n := range s.shape {
		const most = 1 << 40
		if n == 0 || n > most || uint64(t.Rows) > most/n {
			return Tensor{}, fmt.Errorf("tensor %q: %w: shape %v", name, gguf.ErrDamaged, s.shape)
		}
		if i == 0 {
			t.Columns = int(n)
		} else {
			t.Rows *= int(n)
		}
	}
	row, err := t.Kind.Bytes(t.Columns)
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor %q: %w", name, err)
	}
	if int64(row)*int64(t.Rows) > f.size {
		return Tensor{}, fmt.Errorf("tensor %q: %w", name, gguf.ErrTruncated)
	}
	r, err := s.read()
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor %q: %w", name, err)
	}
	t.data = make([]byte, row*t.Rows)
	if _, err := io.ReadFull(r, t.data); err != nil {
		return Tensor{}, fmt.Errorf("tensor %q: %w: %w", name, gguf.ErrTruncated, err)
	}
	return t, nil
}

// Tensor is a matrix, [Rows, Columns], as stored: a row is contiguous. A vector is one row.
type Tensor struct {
	Kind          Kind
	Rows, Columns int
	data          []byte
	plus          float32
}

// Bytes is how many the tensor takes.
func (t Tensor) Bytes() int64 { return int64(len(t.data)) }

// Row dequantises a row into dst, [Columns].
func (t Tensor) Row(i int, dst []float32) error {
	if i < 0 || i >= t.Rows {
		return fmt.Errorf("row %d of %d: %w", i, t.Rows, base.ErrInvalid)
	}
	n := len(t.data) / t.Rows
	if err := t.Kind.Dequantize(dst[:t.Columns], t.data[i*n:(i+1)*n]); err != nil {
		return err
	}
	if t.plus != 0 {
		for j := range dst[:t.Columns] {
			dst[j] += t.plus
		}
	}
	return nil
}

// Floats dequantises all of it, [Rows, Columns].
func (t Tensor) Floats() ([]float32, error) {
	dst := make([]float32, t.Rows*t.Columns)
	for i := range t.Rows {
		if err := t.Row(i, dst[i*t.Columns:]); err != nil {
			return nil, err
		}
	}
	return dst, nil
}
