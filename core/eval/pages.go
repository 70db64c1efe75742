package eval

import (
	"cmp"
	"errors"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// pageTokens are the tokens of a page, the unit that is packed.
const pageTokens = 64

// pages gathers the vectors of a window, which come a few tokens at a time, into those that a
// page's frame holds.
type pages struct {
	vectors map[vectorsKey]*gathered
}

// vectorsKey names one layer's keys or values in one page of a stream.
type vectorsKey struct {
	stream *tapped
	page   int
	layer  int
	part   codec.Part
}

// gathered is a page of one layer's keys or values; what did not come is left out.
type gathered struct {
	data [pageTokens][]byte
}

func newPages() *pages { return &pages{vectors: map[vectorsKey]*gathered{}} }

// add keeps vectors, and their memory.
func (p *pages) add(s *tapped, v codec.Vectors) {
	size := s.shape.TokenBytes()
	for i := range v.Tokens {
		pos := v.Pos + i
		key := vectorsKey{s, pos / pageTokens, v.Layer, v.Part}
		g := p.vectors[key]
		if g == nil {
			g = new(gathered)
			p.vectors[key] = g
		}
		g.data[pos%pageTokens] = v.Data[i*size : (i+1)*size]
	}
}

// fill writes vectors over the memory of those that were added.
func (p *pages) fill(s *tapped, v []codec.Vectors) {
	size := s.shape.TokenBytes()
	for _, x := range v {
		for i := range x.Tokens {
			pos := x.Pos + i
			copy(p.vectors[vectorsKey{s, pos / pageTokens, x.Layer, x.Part}].data[pos%pageTokens], x.Data[i*size:(i+1)*size])
		}
	}
}

// of returns what a stream was given, page by page, in the order of layers, keys before values.
// Tokens that do not follow one another (those between were left exact) are Vectors of their own.
func (p *pages) of(s *tapped) [][]codec.Vectors {
	var keys []vectorsKey
	for k := range p.vectors {
		if k.stream == s {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b vectorsKey) int {
		return cmp.Or(cmp.Compare(a.page, b.page), cmp.Compare(a.layer, b.layer), cmp.Compare(a.part, b.part))
	})
	var out [][]codec.Vectors
	for i, k := range keys {
		if i == 0 || k.page != keys[i-1].page {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], p.vectors[k].runs(k)...)
	}
	return out
}

// runs are the tokens that are there, those that follow one another together.
func (g *gathered) runs(k vectorsKey) []codec.Vectors {
	var out []codec.Vectors
	for i, data := range g.data {
		switch {
		case data == nil:
		case i > 0 && g.data[i-1] != nil:
			v := &out[len(out)-1]
			v.Tokens++
			v.Data = append(v.Data, data...)
		default:
			out = append(out, codec.Vectors{
				Layer: k.layer, Part: k.part, Pos: k.page*pageTokens + i, Tokens: 1,
				Data: slices.Clone(data),
			})
		}
	}
	return out
}

func isInvalid(err error) bool { return errors.Is(err, base.ErrInvalid) }
