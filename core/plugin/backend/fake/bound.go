package fake

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// bound is the codec that a model is bound to; nil is none. The fake has nothing to pack. It passes
// one vector a token through the codec, and a page of vectors for each page, so that what happens to
// the codec happens to the request, to parking and to restoring.
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
	linked, err := codec.Dial(ctx, link.Ticket{Address: l.Address, Secret: l.Secret}, link.Options{Patience: l.Patience})
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

// blank are the keys of one page, all 0.
func (b *bound) blank() codec.Vectors {
	n := backend.PageTokens
	return codec.Vectors{Part: codec.Key, Tokens: n, Data: make([]byte, n*b.shape.TokenBytes())}
}

// pack puts a frame, and its length, before a page.
func (b *bound) pack(ctx context.Context, page []byte) ([]byte, error) {
	if b == nil {
		return page, nil
	}
	frame, err := b.stream.Encode(ctx, make([]byte, 4), b.blank())
	if err != nil {
		return nil, fmt.Errorf("pack a page: %w", err)
	}
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-4))
	return append(frame, page...), nil
}

// unpack decodes the frame and returns the page after it.
func (b *bound) unpack(ctx context.Context, data []byte) ([]byte, error) {
	if b == nil {
		return data, nil
	}
	if len(data) < 4 || uint64(binary.LittleEndian.Uint32(data)) > uint64(len(data)-4) {
		return nil, fmt.Errorf("%w: no frame before the page", base.ErrCorrupt)
	}
	end := 4 + binary.LittleEndian.Uint32(data)
	if err := b.stream.Decode(ctx, data[4:end], b.blank()); err != nil {
		return nil, fmt.Errorf("unpack a page: %w", err)
	}
	return data[end:], nil
}

// close ends the link. Of a codec that is gone nothing is left to close.
func (b *bound) close() {
	if b != nil {
		_ = b.stream.Close()
		_ = b.linked.Close()
	}
}
