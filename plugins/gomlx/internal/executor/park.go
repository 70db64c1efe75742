package executor

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/dtypes/bfloat16"
	"github.com/x448/float16"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// layout names how pages are made of rows here: of each layer its arrays in their order, see net.Arrays.
const layout = "gomlx/2"

// ParkOptions say how pages are packed.
type ParkOptions struct {
	Codec *kv.Codec // nil: they are stored as the cache has them
	Sinks int       // with Codec: first positions that it leaves exact
}

var _ engine.Parker = (*Executor)(nil)

// Park makes the executor pack pages. It is called once, before the engine starts.
func (x *Executor) Park(ctx context.Context, o ParkOptions) (err error) {
	if o.Codec == nil {
		x.pages = kv.NewPages(layout, x.rows(), x.via())
		return nil
	}
	x.pages, err = kv.NewPacked(ctx, layout, x.rows(), o.Codec, x.shape(), o.Sinks)
	return err
}

// via says what vectors have gone through before they are in the cache.
func (x *Executor) via() string {
	switch m := x.model.Net; {
	case x.live != nil:
		return x.live.via()
	case m.Packed != nil:
		return fmt.Sprintf("%v exact=%d", m.Packed, x.options.Sinks)
	}
	return ""
}

// PageFormat names what the bytes of pages mean, "" without Park.
func (x *Executor) PageFormat() string {
	if x.pages == nil {
		return ""
	}
	return x.pages.Format()
}

// rows are those of all arrays of all layers. Of exact tokens a page has as many as there can be, whatever its place.
func (x *Executor) rows() (rows []kv.Row) {
	for layer, c := range x.cache {
		for i, of := range c.of {
			r := kv.Row{Layer: layer, Part: codec.Key, Bytes: of.RowBytes(), Type: of.Kind.String()}
			if 2*i >= len(c.of) {
				r.Part = codec.Value
			}
			switch {
			case of.Exact:
				r.Type = "exact " + r.Type
				r.Bytes = (x.options.Sinks*r.Bytes + backend.PageTokens - 1) / backend.PageTokens
			case x.model.Net.Packed != nil:
			case x.model.Net.Cache == dtypes.Float16:
				r.Type = kv.TypeF16
			case x.model.Net.Cache == dtypes.BFloat16:
				r.Type, r.ToF16, r.FromF16 = "bf16", bf16ToF16, bf16FromF16
			default:
				r.Type, r.ToF16, r.FromF16 = "f32", toF16, fromF16
			}
			rows = append(rows, r)
		}
	}
	return rows
}

func bf16ToF16(dst, src []byte, _ int) bool {
	for i := range len(dst) / 2 {
		v := math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		binary.LittleEndian.PutUint16(dst[2*i:], float16.Fromfloat32(v).Bits())
	}
	return true
}

func bf16FromF16(dst, src []byte, _ int) bool {
	for i := range len(src) / 2 {
		v := float16.Frombits(binary.LittleEndian.Uint16(src[2*i:])).Float32()
		binary.LittleEndian.PutUint16(dst[2*i:], uint16(bfloat16.FromFloat32(v)))
	}
	return true
}

func toF16(dst, src []byte, _ int) bool {
	for i := range len(dst) / 2 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		binary.LittleEndian.PutUint16(dst[2*i:], float16.Fromfloat32(v).Bits())
	}
	return true
}

func fromF16(dst, src []byte, _ int) bool {
	for i := range len(src) / 2 {
		v := float16.Frombits(binary.LittleEndian.Uint16(src[2*i:])).Float32()
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
	}
	return true
}

// CopyCells implements engine.Parker.
func (x *Executor) CopyCells(seq engine.SeqID, from int32) (engine.Cells, bool) {
	spots, ok := x.cells.find(seq, from, from+backend.PageTokens)
	if !ok {
		return nil, false
	}
	var page kv.Page
	for _, r := range x.rows() {
		page = append(page, make([]byte, backend.PageTokens*r.Bytes))
	}
	if err := x.movePage(page, spots, false); err != nil {
		return nil, false
	}
	return page, true
}

// RestoreCells implements engine.Parker.
func (x *Executor) RestoreCells(seq engine.SeqID, from int32, pages []engine.Cells) error {
	var items []engine.Item
	for i := range len(pages) * backend.PageTokens {
		items = append(items, engine.Item{Seq: seq, Pos: from + int32(i)})
	}
	spots, ok := x.cells.take(items, nil)
	if !ok {
		return engine.ErrNoCells
	}
	for n, page := range pages {
		if err := x.movePage(page.(kv.Page), spots[n*backend.PageTokens:][:backend.PageTokens], true); err != nil {
			x.cells.release(spots)
			return err
		}
	}
	return nil
}

// movePage copies a page's cells out of the cache or into it.
func (x *Executor) movePage(page kv.Page, spots []int32, in bool) error {
	var at []device.Buffer
	if x.model.Net.Written {
		args, free, err := x.spotArgs(spots)
		defer free()
		if err != nil {
			return err
		}
		at = args
	}
	for _, c := range x.cache {
		rows := page[:len(c.of)]
		page = page[len(c.of):]
		var err error
		if c.written != nil {
			err = x.moveWritten(c, rows, spots, at, in)
		} else {
			for i, of := range c.of {
				x.moveRows(of, c.arrays[i].Bytes(), spots, rows[i], in)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveRows copies those rows of an array that are in it.
func (x *Executor) moveRows(of net.Array, cells []byte, spots []int32, rows []byte, in bool) {
	size := of.RowBytes()
	for t, spot := range spots {
		at, here := place(of, spot, x.options.Cells)
		if !here {
			continue
		}
		cell, row := cells[at*size:][:size], rows[t*size:][:size]
		if in {
			copy(cell, row)
		} else {
			copy(row, cell)
		}
	}
}

// PageBytes implements engine.Parker.
func (x *Executor) PageBytes() int64 {
	const f16 = 2
	m := x.model.Net
	return int64(2 * m.Layers * m.KVHeads * m.HeadDim * f16 * backend.PageTokens)
}

// Pack implements engine.Parker.
func (x *Executor) Pack(ctx context.Context, tokens []backend.Token, c engine.Cells) ([]byte, error) {
	return x.pages.Pack(ctx, tokens, c.(kv.Page))
}

// Unpack implements engine.Parker.
func (x *Executor) Unpack(ctx context.Context, tokens []backend.Token, data []byte) (engine.Cells, error) {
	return x.pages.Unpack(ctx, tokens, data)
}
