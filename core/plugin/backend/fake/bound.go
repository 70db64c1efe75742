package fake

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// bound is the codec that a model is bound to; nil is none. The fake has nothing to pack. It passes
// one vector a token through the codec, so that what happens to the codec happens to the request.
type bound struct {
	linked *codec.Linked
	stream codec.Stream
	shape  codec.Shape
}

// bindCodec uses up the ticket of a binding.
func bindCodec(ctx context.Context, l *backend.Link) (*bound, error) {
	if l == nil {
		return nil, nil
	}
	linked, err := codec.Dial(ctx, link.Ticket{Address: l.Address, Secret: l.Secret}, link.Options{})
	if err != nil {
		return nil, fmt.Errorf("codec %q: %w", l.Plugin, err)
	}
	params := maps.Clone(l.Params)
	delete(params, backend.ParamBoundary)
	b := &bound{linked: linked, shape: codec.Shape{Layers: layers, KVHeads: 1, HeadDim: embedWidth / 2, Type: codec.F32}}
	if b.stream, err = linked.Open(ctx, b.shape, params); err != nil {
		return nil, errors.Join(fmt.Errorf("codec %q: %w", l.Plugin, err), linked.Close())
	}
	return b, nil
}

// format names what pages packed with the codec are.
func (b *bound) format() string {
	if b == nil {
		return ""
	}
	return " " + b.stream.Describe().Format
}

// token passes a vector through the codec.
func (b *bound) token(ctx context.Context, pos int) error {
	if b == nil {
		return nil
	}
	v := codec.Vectors{Part: codec.Key, Pos: pos, Tokens: 1, Data: make([]byte, b.shape.TokenBytes())}
	if err := b.stream.RoundTrip(ctx, v); err != nil {
		return fmt.Errorf("pass a token through the codec: %w", err)
	}
	return nil
}

// close ends the link. Of a codec that is gone nothing is left to close.
func (b *bound) close() {
	if b != nil {
		_ = b.stream.Close()
		_ = b.linked.Close()
	}
}
