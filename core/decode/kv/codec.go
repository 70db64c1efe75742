// Package kv is what backends do with the KV cache beside computing with it: they pass keys and values
// through a codec, live, and pack cells into pages and back. It knows nothing of what runs the model.
package kv

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Codec is the codec that the host bound to a model.
type Codec struct {
	codec.Codec
	Boundary int // first and last layers that it leaves alone
	params   codec.Params
	linked   *codec.Linked // nil: it is in this process
}

// Dial uses up the ticket of a link. The caller closes what it gets. A boundary that is no number is
// ErrInvalid; for the rest see [codec.Dial].
func Dial(ctx context.Context, l *backend.Link) (*Codec, error) {
	c := &Codec{params: codec.Params(maps.Clone(l.Params))}
	if text, said := l.Params[backend.ParamBoundary]; said {
		delete(c.params, backend.ParamBoundary)
		var err error
		if c.Boundary, err = strconv.Atoi(text); err != nil || c.Boundary < 0 {
			return nil, fmt.Errorf("codec parameter %s: %w: %q is not a number of layers", backend.ParamBoundary, base.ErrInvalid, text)
		}
	}
	linked, err := codec.Dial(ctx, link.Ticket{Address: l.Address, Secret: l.Secret}, link.Options{Patience: l.Patience})
	if err != nil {
		return nil, fmt.Errorf("codec %q: %w", l.Plugin, err)
	}
	c.Codec, c.linked = linked, linked
	return c, nil
}

// InProcess is a codec without a link.
func InProcess(c codec.Codec, boundary int, params codec.Params) *Codec {
	return &Codec{Codec: c, Boundary: boundary, params: params}
}

// Stream opens a stream with the parameters of the link.
func (c *Codec) Stream(ctx context.Context, shape codec.Shape) (codec.Stream, error) {
	s, err := c.Open(ctx, shape, c.params)
	if err != nil {
		return nil, fmt.Errorf("open the codec for %d KV heads of %d: %w", shape.KVHeads, shape.HeadDim, err)
	}
	return s, nil
}

// Alloc gives out memory that the codec can work on without copying it. The caller gives it to Free.
func (c *Codec) Alloc(n int) ([]byte, error) {
	if c.linked == nil {
		return make([]byte, n), nil
	}
	return c.linked.Alloc(n)
}

// Free takes back what Alloc gave out.
func (c *Codec) Free(b []byte) {
	if c.linked != nil {
		c.linked.Free(b)
	}
}

// Packs says which layers the codec works on.
func (c *Codec) Packs(layers int) []bool {
	packs := make([]bool, layers)
	for i := range packs {
		packs[i] = i >= c.Boundary && i < layers-c.Boundary
	}
	return packs
}

// Close ends the link.
func (c *Codec) Close() error {
	if c.linked == nil {
		return nil
	}
	return c.linked.Close()
}
