package executor

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// aging passes tokens through the codec that were computed exactly and are no longer recent: their
// cells are read, and written again. What a cell holds of the two is the cell's, not the sequence's,
// since sequences share cells: a token that has aged in one of them has aged in all.
type aging struct {
	cells  *cells
	stream codec.Stream
	shape  codec.Shape
	packs  []bool
	exact  []map[uint32]bool // [caches] cells that hold exact tokens which are to age
}

func newAging(ctx context.Context, c *cells, o *LiveOptions) (*aging, error) {
	a := &aging{cells: c, shape: o.Shape, packs: o.Codec.Packs(o.Shape.Layers)}
	a.shape.Type = codec.F16
	var err error
	a.stream, err = o.Codec.Stream(ctx, a.shape)
	return a, err
}

// span is a sequence's share of a step: positions [first, last].
type span struct{ first, last int32 }

func spans(items []engine.Item) map[engine.SeqID]span {
	m := map[engine.SeqID]span{}
	for _, it := range items {
		s, ok := m[it.Seq]
		if !ok {
			s.first = it.Pos
		}
		s.last = it.Pos
		m[it.Seq] = s
	}
	return m
}

// before ages what a step will have made old.
func (a *aging) before(steps map[engine.SeqID]span, sinks, recent int32) error {
	for seq, s := range steps {
		from, to := max(sinks, s.first-recent), min(s.last+1-recent, s.first)
		if from >= to || len(a.exact) == 0 {
			continue
		}
		spots, ok := a.cells.ctx.FindCells(int32(seq), from, to)
		if !ok {
			return fmt.Errorf("positions %d to %d of sequence %d are not in the cache", from, to-1, seq)
		}
		// Both caches take part in every step, so a position is exact in both or in neither.
		var old []int
		for i, cell := range spots[0] {
			if a.exact[0][cell] {
				old = append(old, i)
			}
		}
		if len(old) == 0 {
			continue
		}
		picked := make([][]uint32, len(spots))
		for c := range spots {
			for _, i := range old {
				picked[c] = append(picked[c], spots[c][i])
			}
		}
		if err := a.age(picked, func(n int) int { return int(from) + old[n] }); err != nil {
			return err
		}
	}
	return nil
}

// age passes cells, [caches][tokens], through the codec.
func (a *aging) age(picked [][]uint32, position func(n int) int) error {
	tokens, size := len(picked[0]), a.shape.TokenBytes()
	var rows []rowsOf
	var v []codec.Vectors
	for _, r := range a.cells.rows {
		if !a.packs[r.layer] {
			continue
		}
		rows = append(rows, r)
		data := make([]byte, tokens*size)
		raw := make([]byte, tokens*r.RowBytes())
		r.Read(picked[r.Cache], raw)
		if !r.Type().ToF16(data, raw, tokens, r.Width()) {
			return fmt.Errorf("layer %d: its number format cannot be read", r.layer)
		}
		for n := range tokens {
			v = append(v, codec.Vectors{Layer: r.layer, Part: r.part, Pos: position(n), Tokens: 1, Data: data[n*size : (n+1)*size]})
		}
	}
	for from := 0; from < len(v); from += codec.MaxVectors / 4 {
		if err := a.stream.RoundTrip(context.Background(), v[from:min(from+codec.MaxVectors/4, len(v))]...); err != nil {
			return fmt.Errorf("codec: %w", err)
		}
	}
	for i, r := range rows {
		data, raw := make([]byte, 0, tokens*size), make([]byte, tokens*r.RowBytes())
		for n := range tokens {
			data = append(data, v[i*tokens+n].Data...)
		}
		if !r.Type().FromF16(raw, data, tokens, r.Width()) {
			return fmt.Errorf("layer %d: its number format cannot be written", r.layer)
		}
		r.Write(picked[r.Cache], raw)
	}
	for c := range picked {
		for _, cell := range picked[c] {
			delete(a.exact[c], cell)
		}
	}
	return nil
}

// after notes which of a step's tokens were left exact.
func (a *aging) after(steps map[engine.SeqID]span, sinks, recent int32) {
	for seq, s := range steps {
		spots, ok := a.cells.ctx.FindCells(int32(seq), s.first, s.last+1)
		if !ok {
			continue
		}
		for len(a.exact) < len(spots) {
			a.exact = append(a.exact, map[uint32]bool{})
		}
		for c := range spots {
			for i, cell := range spots[c] {
				if pos := s.first + int32(i); pos >= sinks && pos > s.last-recent {
					a.exact[c][cell] = true
				} else {
					delete(a.exact[c], cell)
				}
			}
		}
	}
}

// forget says that cells hold nothing that is to age.
func (a *aging) forget(spots [][]uint32) {
	for c := range min(len(spots), len(a.exact)) {
		for _, cell := range spots[c] {
			delete(a.exact[c], cell)
		}
	}
}
