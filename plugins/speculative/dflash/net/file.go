package net

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"

	"github.com/ollama/ollama/fs/ggml"

	"github.com/kakeyad/kakeyad/core/gguf"
)

// Version of the file format that is read.
const Version = 1

// Errors of reading a drafter or joining it to a target.
var (
	ErrFormat = errors.New("not a DFlash drafter that this version reads")
	ErrTarget = errors.New("the drafter is not for this model")
)

// Header is what the file of a drafter says of it, by its keys dflash.*.
type Header struct {
	Width, Hidden, Layers     int // width, hidden, layers
	Heads, KVHeads, HeadDim   int // heads, kv_heads, head_dim
	Block                     int // block: positions it was trained with, the anchor's included
	Taps                      []int
	Eps, Theta                float32 // eps, theta
	TargetArchitecture        string  // target.architecture
	TargetLayers, TargetVocab int     // target.layers, target.vocabulary
	Probe                     []int32 // target.probe: tokens whose embeddings the tensor target.probe holds
}

// File is an open drafter.
type File struct {
	Header
	r       io.ReaderAt
	offset  int64
	tensors map[string]*ggml.Tensor
}

// Open reads the head of a drafter and checks its tensors' checksum. r is read until the drafter is
// built.
func Open(r interface {
	io.ReaderAt
	io.ReadSeeker
}) (*File, error) {
	g, err := decode(r)
	if err != nil {
		return nil, err
	}
	kv := g.KV()
	if a := kv.Architecture(); a != "dflash" {
		return nil, fmt.Errorf("%w: its architecture is %q", ErrFormat, a)
	}
	if v := kv.Uint("version"); v != Version {
		return nil, fmt.Errorf("%w: its version is %d, %d is known", ErrFormat, v, Version)
	}
	f := &File{r: r, offset: int64(g.Tensors().Offset), tensors: map[string]*ggml.Tensor{}, Header: Header{
		Width: int(kv.Uint("width")), Hidden: int(kv.Uint("hidden")), Layers: int(kv.Uint("layers")),
		Heads: int(kv.Uint("heads")), KVHeads: int(kv.Uint("kv_heads")), HeadDim: int(kv.Uint("head_dim")),
		Block: int(kv.Uint("block")), Eps: kv.Float("eps"), Theta: kv.Float("theta"),
		TargetArchitecture: kv.String("target.architecture"),
		TargetLayers:       int(kv.Uint("target.layers")), TargetVocab: int(kv.Uint("target.vocabulary")),
		Probe: kv.Ints("target.probe"),
	}}
	for _, t := range kv.Ints("taps") {
		f.Taps = append(f.Taps, int(t))
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	for _, t := range g.Tensors().Items() {
		f.tensors[t.Name] = t
	}
	return f, f.checksum(g.Tensors().Items(), kv.Uint("crc32"))
}

func decode(r io.ReadSeeker) (g *ggml.GGML, err error) {
	defer func() {
		if p := recover(); p != nil { // lengths that no file has
			err = fmt.Errorf("%w: it is damaged: %v", ErrFormat, p)
		}
	}()
	// Its lengths are checked first: ggml believes them, and makes room for what they claim.
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	for _, step := range []func() error{
		func() error { _, err := r.Seek(0, io.SeekStart); return err },
		func() error { _, err := gguf.Read(r, size); return err },
		func() error { _, err := r.Seek(0, io.SeekStart); return err },
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	if g, err = ggml.Decode(r, -1); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return g, nil
}

func (f *File) check() error {
	in := func(v, low, high int) bool { return low <= v && v <= high }
	switch {
	case !in(f.Width, 32, 1<<16), !in(f.Hidden, 32, 1<<18), !in(f.Layers, 1, 64), !in(f.HeadDim, 64, 1024), f.HeadDim%64 != 0,
		!in(f.KVHeads, 1, 1024), !in(f.Heads, f.KVHeads, 1024), f.Heads%f.KVHeads != 0, !in(f.Block, 2, 64):
		return fmt.Errorf("%w: its sizes are %+v", ErrFormat, f.Header)
	case len(f.Taps) == 0 || !slices.IsSorted(f.Taps) || f.Taps[0] < 0 || f.Taps[len(f.Taps)-1] >= f.TargetLayers:
		return fmt.Errorf("%w: it taps the layers %v of %d", ErrFormat, f.Taps, f.TargetLayers)
	case !(f.Eps > 0 && f.Eps < 1) || !(f.Theta >= 1 && f.Theta < 1e12): // written so that NaN fails
		return fmt.Errorf("%w: eps %v, theta %v", ErrFormat, f.Eps, f.Theta)
	}
	return nil
}

// checksum compares the CRC-32 (IEEE) of all tensors' data in the file's order.
func (f *File) checksum(tensors []*ggml.Tensor, want uint32) error {
	sorted := slices.SortedFunc(slices.Values(tensors), func(a, b *ggml.Tensor) int { return int(int64(a.Offset) - int64(b.Offset)) })
	sum := crc32.NewIEEE()
	for _, t := range sorted {
		if _, err := io.Copy(sum, io.NewSectionReader(f.r, f.offset+int64(t.Offset), int64(t.Size()))); err != nil {
			return fmt.Errorf("%w: tensor %s: %w", ErrFormat, t.Name, err)
		}
	}
	if got := sum.Sum32(); got != want {
		return fmt.Errorf("%w: its data is damaged: checksum %08x, not %08x", ErrFormat, got, want)
	}
	return nil
}

// rows opens a tensor of the given shape, [rows, columns].
func (f *File) rows(name string, rows, columns int) (*Rows, error) {
	t, ok := f.tensors[name]
	if !ok {
		return nil, fmt.Errorf("%w: it has no tensor %s", ErrFormat, name)
	}
	r, err := newRows(f.r, f.offset, t)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if r.N != rows || r.Columns != columns {
		return nil, fmt.Errorf("%w: tensor %s is [%d, %d], not [%d, %d]", ErrFormat, name, r.N, r.Columns, rows, columns)
	}
	return r, nil
}

// vector reads a tensor of one dimension.
func (f *File) vector(name string, n int) ([]float32, error) {
	r, err := f.rows(name, 1, n)
	if err != nil {
		return nil, err
	}
	out := make([]float32, n)
	return out, r.Read(0, out)
}

// vocabulary reads the token ids that the drafter may guess.
func (f *File) vocabulary() ([]int32, error) {
	t, ok := f.tensors["vocabulary"]
	if !ok || ggml.TensorType(t.Kind) != ggml.TensorTypeI32 || len(t.Shape) != 1 {
		return nil, fmt.Errorf("%w: it has no vocabulary", ErrFormat)
	}
	raw := make([]byte, t.Size())
	if _, err := f.r.ReadAt(raw, f.offset+int64(t.Offset)); err != nil {
		return nil, fmt.Errorf("%w: vocabulary: %w", ErrFormat, err)
	}
	ids := make([]int32, len(raw)/4)
	for i := range ids {
		ids[i] = int32(binary.LittleEndian.Uint32(raw[4*i:]))
		if ids[i] < 0 || int(ids[i]) >= f.TargetVocab {
			return nil, fmt.Errorf("%w: token %d in its vocabulary", ErrFormat, ids[i])
		}
	}
	return ids, nil
}

// finite refuses values that no weight has.
func finite(x []float32) error {
	for _, v := range x {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("%w: a weight is %v", ErrFormat, v)
		}
	}
	return nil
}
