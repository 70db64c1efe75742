package net

import (
	"fmt"

	"github.com/kakeyad/kakeyad/plugins/speculative/dflash/kernel"
)

// Net is a drafter joined to its target, ready to run. It is read-only and safe for concurrent use;
// what belongs to one text is in a [State].
type Net struct {
	Header
	Vocabulary []int32 // tokens that it may guess

	embedding *Rows
	fuse      *kernel.Matrix
	fuseNorm  []float32
	mask      []float32
	layers    []layer
	norm      []float32
	head      *kernel.Matrix // padded to whole tiles by rows of zeroes
}

type layer struct {
	attnNorm, qNorm, kNorm, ffnNorm []float32
	q, kv, o, gateUp, down          *kernel.Matrix
}

// New builds the network of f for t.
func New(f *File, t *Target) (*Net, error) {
	if err := f.Fits(t); err != nil {
		return nil, err
	}
	b := builder{f: f}
	n := &Net{Header: f.Header, embedding: t.Embedding}
	if n.Vocabulary, b.err = f.vocabulary(); b.err == nil && len(n.Vocabulary) == 0 {
		b.err = fmt.Errorf("%w: its vocabulary is empty", ErrFormat)
	}
	n.fuse = b.matrix(part{"fuse", f.Width, len(f.Taps) * f.Width})
	n.fuseNorm, n.mask, n.norm = b.vector("fuse_norm", f.Width), b.vector("mask", f.Width), b.vector("norm", f.Width)
	queries, keys := f.Heads*f.HeadDim, f.KVHeads*f.HeadDim
	for i := range f.Layers {
		name := func(s string) string { return fmt.Sprintf("blk.%d.%s", i, s) }
		n.layers = append(n.layers, layer{
			attnNorm: b.vector(name("attn_norm"), f.Width), ffnNorm: b.vector(name("ffn_norm"), f.Width),
			qNorm: b.vector(name("q_norm"), f.HeadDim), kNorm: b.vector(name("k_norm"), f.HeadDim),
			q:      b.matrix(part{name("q"), queries, f.Width}),
			kv:     b.matrix(part{name("k"), keys, f.Width}, part{name("v"), keys, f.Width}),
			o:      b.matrix(part{name("o"), f.Width, queries}),
			gateUp: b.matrix(part{name("gate"), f.Hidden, f.Width}, part{name("up"), f.Hidden, f.Width}),
			down:   b.matrix(part{name("down"), f.Width, f.Hidden}),
		})
	}
	n.head = b.headOf(t, n.Vocabulary)
	if b.err != nil {
		return nil, b.err
	}
	return n, nil
}

// Bytes is the memory of the weights.
func (n *Net) Bytes() int64 {
	sum := n.fuse.Bytes() + n.head.Bytes()
	for _, l := range n.layers {
		for _, m := range []*kernel.Matrix{l.q, l.kv, l.o, l.gateUp, l.down} {
			sum += m.Bytes()
		}
	}
	return sum
}

// StateBytes is the memory of the [State] of a text of that many tokens.
func (n *Net) StateBytes(tokens int) int64 {
	return int64(n.Layers) * int64(n.KVHeads*n.HeadDim) * 8 * int64(tokens)
}

// builder reads weights and remembers the first error.
type builder struct {
	f   *File
	err error
}

type part struct {
	name          string
	rows, columns int
}

func (b *builder) vector(name string, n int) []float32 {
	if b.err != nil {
		return nil
	}
	var v []float32
	if v, b.err = b.f.vector(name+".weight", n); b.err == nil {
		b.err = finite(v)
	}
	return v
}

// matrix reads tensors of equal columns as one below the other.
func (b *builder) matrix(parts ...part) *kernel.Matrix {
	rows := 0
	var sources []*Rows
	for _, p := range parts {
		if b.err != nil {
			return nil
		}
		var r *Rows
		r, b.err = b.f.rows(p.name+".weight", p.rows, p.columns)
		sources = append(sources, r)
		rows += p.rows
	}
	return b.build(rows, parts[0].columns, func(i int, dst []float32) error {
		for k, p := range parts {
			if i < p.rows {
				return sources[k].Read(i, dst)
			}
			i -= p.rows
		}
		return nil
	})
}

// headOf reads the rows of the target's head that belong to the vocabulary.
func (b *builder) headOf(t *Target, vocabulary []int32) *kernel.Matrix {
	rows := (len(vocabulary) + kernel.Tile - 1) / kernel.Tile * kernel.Tile
	return b.build(rows, b.f.Width, func(i int, dst []float32) error {
		if i >= len(vocabulary) {
			clear(dst)
			return nil
		}
		return t.Head.Read(int(vocabulary[i]), dst)
	})
}

func (b *builder) build(rows, columns int, row func(i int, dst []float32) error) *kernel.Matrix {
	if b.err != nil {
		return nil
	}
	m, err := kernel.NewMatrix(rows, columns, func(i int, dst []float32) {
		if b.err == nil {
			if b.err = row(i, dst); b.err == nil {
				b.err = finite(dst)
			}
		}
	})
	if err != nil {
		b.err = fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return m
}
