package executor

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
)

// ParkOptions say how pages are packed.
type ParkOptions struct {
	Codec *kv.Codec   // nil: they are stored as the cache has them
	Shape codec.Shape // with Codec: of the layers within its boundary, all alike; Type is not looked at
	Sinks int         // with Codec: first positions that it leaves exact
}

// layout names how pages are made of rows here.
const layout = "llamacpp/1"

var _ engine.Parker = (*Executor)(nil)

// Park makes the executor pack pages. It is called once, before the engine starts. base.ErrUnsupported:
// the cells of this model's cache cannot be got at.
func (x *Executor) Park(ctx context.Context, o ParkOptions) (err error) {
	if x.cells == nil {
		return fmt.Errorf("parking: the cells of this model's cache cannot be read (flash_attn off, or a running state): %w", base.ErrUnsupported)
	}
	rows := x.cells.layout()
	for _, r := range x.cells.rows {
		x.pageBytes += 2 * int64(r.Width()) * backend.PageTokens
	}
	if o.Codec == nil {
		via := ""
		if l := x.live; l != nil {
			via = l.via()
		}
		x.pages = kv.NewPages(layout, rows, via)
		return nil
	}
	for _, r := range x.cells.rows {
		if r.Width() != o.Shape.KVHeads*o.Shape.HeadDim {
			return fmt.Errorf("parking: layer %d keeps %d numbers a token, not %d heads of %d: %w",
				r.layer, r.Width(), o.Shape.KVHeads, o.Shape.HeadDim, base.ErrUnsupported)
		}
	}
	x.pages, err = kv.NewPacked(ctx, layout, rows, o.Codec, o.Shape, o.Sinks)
	return err
}

// PageFormat names what the bytes of pages mean, "" without Park.
func (x *Executor) PageFormat() string {
	if x.pages == nil {
		return ""
	}
	return x.pages.Format()
}

// layout is what pages are made of. It holds on to nothing of the cache: pages are packed beside its
// end too.
func (c *cells) layout() []kv.Row {
	var rows []kv.Row
	for _, r := range c.rows {
		kind, bytes, width := r.Type(), r.RowBytes(), r.Width()
		rows = append(rows, kv.Row{
			Layer: r.layer, Part: r.part, Bytes: bytes, Type: typeNames[kind],
			ToF16:   func(dst, src []byte, n int) bool { return kind.ToF16(dst, src[:n*bytes], n, width) },
			FromF16: func(dst, src []byte, n int) bool { return kind.FromF16(dst, src, n, width) },
		})
	}
	return rows
}

var typeNames = map[binding.KVType]string{binding.KVF16: kv.TypeF16, binding.KVQ8: "q8_0", binding.KVQ4: "q4_0"}

// CopyCells implements engine.Parker.
func (x *Executor) CopyCells(seq engine.SeqID, from int32) (engine.Cells, bool) {
	spots, ok := x.ctx.FindCells(int32(seq), from, from+backend.PageTokens)
	if !ok {
		return nil, false // a sliding window may have passed
	}
	page := make(kv.Page, len(x.cells.rows))
	for i, r := range x.cells.rows {
		page[i] = make([]byte, backend.PageTokens*r.RowBytes())
		r.Read(spots[r.Cache], page[i])
	}
	return page, true
}

// RestoreCells implements engine.Parker.
func (x *Executor) RestoreCells(seq engine.SeqID, from int32, pages []engine.Cells) error {
	spots, ok := x.ctx.TakeCells(int32(seq), from, from+int32(len(pages)*backend.PageTokens))
	if !ok {
		return engine.ErrNoCells
	}
	for n, page := range pages {
		at := n * backend.PageTokens
		for i, r := range x.cells.rows {
			r.Write(spots[r.Cache][at:at+backend.PageTokens], page.(kv.Page)[i])
		}
	}
	if x.live != nil && x.live.aging != nil {
		x.live.aging.forget(spots)
	}
	return nil
}

// PageBytes implements engine.Parker.
func (x *Executor) PageBytes() int64 { return x.pageBytes }

// Pack implements engine.Parker.
func (x *Executor) Pack(ctx context.Context, tokens []backend.Token, c engine.Cells) ([]byte, error) {
	return x.pages.Pack(ctx, tokens, c.(kv.Page))
}

// Unpack implements engine.Parker.
func (x *Executor) Unpack(ctx context.Context, tokens []backend.Token, data []byte) (engine.Cells, error) {
	return x.pages.Unpack(ctx, tokens, data)
}
