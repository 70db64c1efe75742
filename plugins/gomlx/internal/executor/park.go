package executor

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/x448/float16"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// layout names how pages are made of rows here: of each layer the keys and then the values, [tokens, kv_heads, head_dim].
const layout = "gomlx/1"

// ParkOptions say how pages are packed.
type ParkOptions struct {
	Codec *kv.Codec // nil: they are stored as the cache has them
	Sinks int       // with Codec: first positions that it leaves exact
}

var _ engine.Parker = (*Executor)(nil)

// Park makes the executor pack pages. It is called once, before the engine starts.
func (x *Executor) Park(ctx context.Context, o ParkOptions) (err error) {
	if o.Codec == nil {
		x.pages = kv.NewPages(layout, x.rows(), "")
		return nil
	}
	m := x.model.Net
	shape := codec.Shape{Layers: m.Layers, KVHeads: m.KVHeads, HeadDim: m.HeadDim}
	x.pages, err = kv.NewPacked(ctx, layout, x.rows(), o.Codec, shape, o.Sinks)
	return err
}

// PageFormat names what the bytes of pages mean, "" without Park.
func (x *Executor) PageFormat() string {
	if x.pages == nil {
		return ""
	}
	return x.pages.Format()
}

func (x *Executor) rows() (rows []kv.Row) {
	m := x.model.Net
	width := m.KVHeads * m.HeadDim
	for layer := range m.Layers {
		for _, part := range []codec.Part{codec.Key, codec.Value} {
			r := kv.Row{Layer: layer, Part: part, Bytes: width * m.Cache.Size(), Type: kv.TypeF16}
			if m.Cache == dtypes.Float32 {
				r.Type, r.ToF16, r.FromF16 = "f32", toF16, fromF16
			}
			rows = append(rows, r)
		}
	}
	return rows
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
	m := x.model.Net
	page := make(kv.Page, 2*m.Layers)
	for i := range page {
		page[i] = make([]byte, backend.PageTokens*m.KVHeads*m.HeadDim*m.Cache.Size())
		x.move(i, spots, page[i], false)
	}
	return page, true
}

// move copies a row of a page, layer i/2's keys or values, out of the cache or into it.
func (x *Executor) move(i int, spots []int32, row []byte, in bool) {
	cells, size := x.cache[i/2].arrays[i%2].Bytes(), len(row)/len(spots)
	for t, spot := range spots {
		cell, vector := cells[int(spot)*size:][:size], row[t*size:][:size]
		if in {
			copy(cell, vector)
		} else {
			copy(vector, cell)
		}
	}
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
		for i, row := range page.(kv.Page) {
			x.move(i, spots[n*backend.PageTokens:][:backend.PageTokens], row, true)
		}
	}
	return nil
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
