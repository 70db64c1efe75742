package executor

import (
	"math/bits"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// maskOwn says which of the t tokens each sees: those of its sequence up to itself. What fills up sees itself.
func maskOwn(mask []float32, t int, items []engine.Item, window int32) {
	for i := range t {
		row := mask[i*t:][:t]
		for j := range row {
			seen := i == j
			if i < len(items) && j < len(items) {
				a, b := items[i], items[j]
				seen = a.Seq == b.Seq && b.Pos <= a.Pos && a.Pos-b.Pos < window
			}
			row[j] = hide(!seen)
		}
	}
}

// seen tells which cells items see: those of their sequence that are filled and not after them.
type seen struct {
	cells *cells
	items []engine.Item
	own   map[int32]bool // not filled
	of    owners
	by    [MaxSequences][]int // items of a sequence
}

func newSeen(c *cells, items []engine.Item, own map[int32]bool) *seen {
	s := &seen{cells: c, items: items, own: own}
	for i, it := range items {
		s.of.add(it.Seq)
		s.by[it.Seq] = append(s.by[it.Seq], i)
	}
	return s
}

// mask writes what rows see of the cells [from, to); what is beyond them in a row is hidden, and so is all in rows of no item.
func (s *seen) mask(mask []float32, rows, from, to int, window int32) {
	width := len(mask) / rows
	for i := range mask {
		mask[i] = net.Hidden
	}
	for cell := from; cell < to; cell++ {
		if s.own[int32(cell)] {
			continue
		}
		position := s.cells.positions[cell]
		for word, set := range s.cells.owners[cell] {
			for set &= s.of[word]; set != 0; set &= set - 1 {
				for _, i := range s.by[word*64+bits.TrailingZeros64(set)] {
					if p := s.items[i].Pos; position <= p && p-position < window {
						mask[i*width+cell-from] = 0
					}
				}
			}
		}
	}
}

func hide(hidden bool) float32 {
	if hidden {
		return net.Hidden
	}
	return 0
}
