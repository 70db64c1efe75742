package net

import (
	"fmt"
	"io"
	"math"
)

// Target is what a drafter uses of the file of its target: the embedding, and the head, which many
// models have in common with it.
type Target struct {
	Architecture string
	Layers       int
	Embedding    *Rows
	Head         *Rows
}

// OpenTarget reads the head of a target's GGUF. r is read as long as the drafter lives.
func OpenTarget(r interface {
	io.ReaderAt
	io.ReadSeeker
}) (*Target, error) {
	g, err := decode(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	t := &Target{Architecture: g.KV().Architecture(), Layers: int(g.KV().BlockCount())}
	for _, tensor := range g.Tensors().Items() {
		var into **Rows
		switch tensor.Name {
		case "token_embd.weight":
			into = &t.Embedding
		case "output.weight":
			into = &t.Head
		default:
			continue
		}
		if *into, err = newRows(r, int64(g.Tensors().Offset), tensor); err != nil {
			return nil, fmt.Errorf("%w: its %w", ErrTarget, err)
		}
	}
	if t.Embedding == nil {
		return nil, fmt.Errorf("%w: it has no tensor token_embd.weight", ErrTarget)
	}
	if t.Head == nil {
		t.Head = t.Embedding
	}
	return t, nil
}

// leastLikeness is the least cosine between embeddings of the model that the drafter was trained for
// and of the one it is to draft for. Quantised to 4 bits a model stays above 0.99 of itself; other
// models of the same shape are near 0.
const leastLikeness = 0.9

// Fits tells whether f was trained for t, in whatever quantisation: sizes, and the embeddings of a
// few tokens, must be those of the model that it knows.
func (f *File) Fits(t *Target) error {
	switch {
	case t.Architecture != f.TargetArchitecture || t.Layers != f.TargetLayers:
		return fmt.Errorf("%w: that is %s of %d layers, this is %s of %d", ErrTarget, f.TargetArchitecture, f.TargetLayers, t.Architecture, t.Layers)
	case t.Embedding.N != f.TargetVocab || t.Embedding.Columns != f.Width || t.Head.N != f.TargetVocab || t.Head.Columns != f.Width:
		return fmt.Errorf("%w: that has %d tokens and a width of %d, this has %d and %d", ErrTarget, f.TargetVocab, f.Width, t.Embedding.N, t.Embedding.Columns)
	}
	probe, err := f.rows("target.probe", len(f.Probe), f.Width)
	if err != nil {
		return err
	}
	known, found := make([]float32, f.Width), make([]float32, f.Width)
	for i, token := range f.Probe {
		if err := probe.Read(i, known); err != nil {
			return err
		}
		if err := t.Embedding.Read(int(token), found); err != nil {
			return err
		}
		if c := cosine(known, found); !(c >= leastLikeness) {
			return fmt.Errorf("%w: its embedding of token %d is another (cosine %.2f)", ErrTarget, token, c)
		}
	}
	return nil
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i, x := range a {
		y := float64(b[i])
		ab += float64(x) * y
		aa += float64(x) * float64(x)
		bb += y * y
	}
	return ab / math.Sqrt(aa*bb)
}
