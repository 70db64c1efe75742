// Package model brings the weights of a file to where programs read them.
package model

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"golang.org/x/sync/errgroup"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
)

// Kinds of matrices, by what options call them.
var Kinds = map[string]dtypes.DType{"int8": dtypes.Int8, "bf16": dtypes.BFloat16, "f32": dtypes.Float32}

const embeddings = "token_embd.weight"

// Model is a network with its weights. It never changes and is safe for concurrent use until it is freed.
type Model struct {
	Net    net.Net
	Device *device.Device
	Layers [][]device.Buffer // inputs of each layer's program, behind net.LayerInputs
	Head   []device.Buffer   // inputs of the head's program, behind the first two
	Bytes  int64

	packs      []bool // [layers]; nil: none
	embeddings weights.Tensor
	random     bool // nothing is from a file
	norm       []float32
	arrays     []*device.Array
	made       []device.Output // random matrices
}

// Options say how a model is kept and computed.
type Options struct {
	Weights, Cache dtypes.DType
	Compute        dtypes.DType // of products; not said: Float32, or on a GPU BFloat16
	Packed         *net.Packed  // what layers' caches hold; nil: vectors
	Packs          []bool       // with Packed: which layers'
	Exact          int          // with Packed: cells of exact tokens
	Written        bool         // programs write the cache, whatever memory the device has
}

// newModel is a model without weights.
func newModel(d *device.Device, c arch.Config, o Options) *Model {
	m := &Model{Device: d, packs: o.Packs, Net: net.Net{
		Config: c, Weights: o.Weights, Cache: o.Cache, Compute: o.Compute, Written: o.Written || !d.Shares(), Packed: o.Packed, Exact: o.Exact,
	}}
	switch {
	case o.Compute != dtypes.InvalidDType:
	case d.Shares():
		m.Net.Compute = dtypes.Float32
	default:
		m.Net.Compute = dtypes.BFloat16
	}
	return m
}

// Packs says whether a layer's cache is packed.
func (m *Model) Packs(layer int) bool { return m.Net.Packed != nil && m.packs[layer] }

// Load reads all weights; progress gets fractions of it. The caller frees the model. backend.ErrModelFile: a tensor is
// missing or has another shape.
func Load(ctx context.Context, f *weights.File, d *device.Device, c arch.Config, o Options, progress func(float32)) (*Model, error) {
	m := newModel(d, c, o)
	if err := m.load(ctx, f, progress); err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}

func (m *Model) load(ctx context.Context, f *weights.File, progress func(float32)) (err error) {
	c := m.Net.Config
	if m.embeddings, err = f.Tensor(embeddings); err != nil {
		return fmt.Errorf("%w: %w", backend.ErrModelFile, err)
	}
	m.Bytes += m.embeddings.Bytes()
	m.Net.Vocabulary = m.embeddings.Rows
	if m.embeddings.Columns != c.Width {
		return fmt.Errorf("%w: embeddings of %d numbers, not %d", backend.ErrModelFile, m.embeddings.Columns, c.Width)
	}
	for layer := range c.Layers {
		var in []device.Buffer
		for _, w := range net.LayerWeights(c) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if in, err = m.add(f, in, w, fmt.Sprintf("blk.%d.", layer)); err != nil {
				return err
			}
		}
		m.Layers = append(m.Layers, in)
		progress(float32(layer+1) / float32(c.Layers+1))
	}
	output := "output.weight"
	if !f.Has(output) {
		output = embeddings
	}
	for _, w := range net.HeadWeights(c, m.Net.Vocabulary, output) {
		if m.Head, err = m.add(f, m.Head, w, ""); err != nil {
			return err
		}
	}
	norm, err := f.Tensor("output_norm.weight")
	if err != nil {
		return fmt.Errorf("%w: %w", backend.ErrModelFile, err)
	}
	m.norm, err = norm.Floats()
	progress(1)
	return err
}

// add appends what a program gets of a weight.
func (m *Model) add(f *weights.File, in []device.Buffer, w net.Weight, prefix string) ([]device.Buffer, error) {
	var arrays []*device.Array
	for _, s := range w.Inputs(m.Net.Weights) {
		a, err := m.Device.NewArray(s.Kind, s.Dims...)
		if err != nil {
			return nil, err
		}
		m.arrays = append(m.arrays, a)
		m.Bytes += a.Size()
		arrays = append(arrays, a)
	}
	row := 0
	for _, name := range w.From {
		t, err := f.Tensor(prefix + name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", backend.ErrModelFile, err)
		}
		if w.Rows == 0 {
			if err := m.vector(arrays[0], t, row, w.Columns); err != nil {
				return nil, fmt.Errorf("%w: tensor %q: %w", backend.ErrModelFile, prefix+name, err)
			}
			row += t.Columns
			continue
		}
		if t.Columns != w.Columns || row+t.Rows > w.Rows {
			return nil, fmt.Errorf("%w: tensor %q is [%d, %d], of [%d, %d]", backend.ErrModelFile, prefix+name, t.Rows, t.Columns, w.Rows, w.Columns)
		}
		if err := m.matrix(arrays, t, row, m.order(name)); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", prefix+name, err)
		}
		row += t.Rows
	}
	want := w.Rows
	if want == 0 {
		want = w.Columns
	}
	if row != want {
		return nil, fmt.Errorf("%w: %s%s has %d rows, not %d", backend.ErrModelFile, prefix, w.Name, row, want)
	}
	for _, a := range arrays {
		b, err := a.Move()
		if err != nil {
			return nil, err
		}
		in = append(in, b)
	}
	return in, nil
}

func (m *Model) vector(a *device.Array, t weights.Tensor, at, most int) error {
	if t.Rows != 1 || at+t.Columns > most {
		return fmt.Errorf("it is [%d, %d], of %d", t.Rows, t.Columns, most)
	}
	return t.Row(0, a.Floats()[at:])
}

// order says where a tensor's row goes. Of queries and keys whose rotated pairs are neighbours the first ones of each
// head go before the second ones.
func (m *Model) order(tensor string) func(row int) int {
	if !m.Net.Interleaved || tensor != "attn_q.weight" && tensor != "attn_k.weight" {
		return func(row int) int { return row }
	}
	n := m.Net.HeadDim
	return func(row int) int {
		head, i := row/n, row%n
		return head*n + i%2*(n/2) + i/2
	}
}

// matrix writes a tensor's rows from the given one on.
func (m *Model) matrix(arrays []*device.Array, t weights.Tensor, at int, order func(int) int) error {
	workers := runtime.GOMAXPROCS(0)
	var group errgroup.Group
	for worker := range workers {
		group.Go(func() error {
			numbers := make([]float32, t.Columns)
			for row := worker * t.Rows / workers; row < (worker+1)*t.Rows/workers; row++ {
				if err := t.Row(row, numbers); err != nil {
					return err
				}
				m.row(arrays, at+order(row), numbers)
			}
			return nil
		})
	}
	return group.Wait()
}

// row writes one row of a matrix.
func (m *Model) row(arrays []*device.Array, row int, numbers []float32) {
	n := len(numbers)
	switch m.Net.Weights {
	case dtypes.Int8:
		arrays[1].Floats()[row] = quantize(arrays[0].Ints()[row*n:][:n], numbers)
	case dtypes.BFloat16:
		to := arrays[0].Bits()[row*n:][:n]
		for i, v := range numbers {
			to[i] = uint16(bfloat16.FromFloat32(v))
		}
	default:
		copy(arrays[0].Floats()[row*n:], numbers)
	}
}

// quantize rounds numbers to 255 steps between the largest and its negative, and returns the step.
func quantize(to []int8, numbers []float32) float32 {
	var most float32
	for _, v := range numbers {
		most = max(most, float32(math.Abs(float64(v))))
	}
	if most == 0 {
		return 0
	}
	step := most / math.MaxInt8
	for i, v := range numbers {
		to[i] = int8(math.RoundToEven(float64(v / step)))
	}
	return step
}

// Embed writes a token's embedding into dst, [width].
func (m *Model) Embed(token backend.Token, dst []float32) error {
	if m.random {
		randomEmbedding(token, dst[:m.Net.Width])
		return nil
	}
	if err := m.embeddings.Row(int(token), dst); err != nil {
		return err
	}
	if s := m.Net.EmbeddingScale; s != 1 {
		for i := range dst[:m.Net.Width] {
			dst[i] *= s
		}
	}
	return nil
}

// OutputNorm are the weights of the last norm, [width].
func (m *Model) OutputNorm() []float32 { return m.norm }

// Free gives the memory back.
func (m *Model) Free() {
	for _, a := range m.arrays {
		a.Free()
	}
	for _, o := range m.made {
		o.Free()
	}
	m.arrays, m.made = nil, nil
}
