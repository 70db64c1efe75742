// Package net builds the graphs of a transformer in static shapes: consecutive layers, and what makes logits of their outputs.
//
// # Shapes
//
// T tokens are computed together, of whichever sequences. The cache has cells, of which a program sees the first C, a
// multiple of [Block]. Masks, 0 or [Hidden], say which cells and which of the T tokens each token sees.
//
// # Who writes the cache
//
// Where the host shares memory with the device it does: programs only read the cache, tokens see each other's keys and
// values beside it, and these come out of the program. Elsewhere ([Net.Written]) a program gets the cache whole, writes the
// tokens' keys and values into their cells, reads them from there, and gives the cache back in the same memory.
//
// # Packed layers
//
// With [Net.Packed] a layer's cache holds what a codec makes of keys and values: integers, and a scale for each vector. The
// program computes them of the tokens' vectors, by the codec's own rule, and attends over the integers: it rotates queries
// once, and the sums of values back once. Tokens that the codec leaves exact (of [Net.Exact] cells) are kept rotated, in 16 bits.
//
// Matrices are [out, in], as files have them. Of 8-bit ones each row has a scale.
package net

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// Block is how many cells a block of the cache has.
const Block = 256

// Hidden is added to the scores of what a token does not see.
const Hidden = -1e30

// Net is a transformer whose matrices and cache are of some kinds.
type Net struct {
	arch.Config
	Weights    dtypes.DType // Float32, BFloat16 or Int8
	Cache      dtypes.DType // Float32, Float16 or BFloat16
	Compute    dtypes.DType // of products: Float32 or BFloat16
	Vocabulary int
	Written    bool    // programs write the cache
	Packed     *Packed // nil: no layer is
	Exact      int     // cells of tokens that a codec leaves exact, of packed layers
}

// Kind says how layers of one shape differ.
type Kind struct {
	Local  bool // it looks back on a window only
	Packed bool // its cache is
}

// Shared are the shapes of what all layers of a program read, for t tokens and n blocks: x [T, width], [Solid], what
// packing needs (see [Net.PackInputs]), with Written the tokens' cells [T] and if there are exact ones those [T], and for each kind of layers, global ones and then
// local ones if there are any, cosines and sines [T, head_dim/2], the cache's mask [T, C], the mask of the exact cells
// [T, Exact] if there are any, and unless Written the tokens' own mask [T, T].
func (m Net) Shared(t, n int) []device.Shape {
	in := append([]device.Shape{f32(t, m.Width), f32(len(Solid))}, m.PackInputs(t)...)
	if m.Written {
		in = append(in, m.spotShapes(t)...)
	}
	for range m.Windows() {
		in = append(in, f32(t, m.HeadDim/2), f32(t, m.HeadDim/2), f32(t, n*Block))
		if m.Exact > 0 {
			in = append(in, f32(t, m.Exact))
		}
		if !m.Written {
			in = append(in, f32(t, t))
		}
	}
	return in
}

// Windows is how many kinds of masks there are: 2 where some layers look back on a window only.
func (m Net) Windows() int {
	if m.Window > 0 {
		return 2
	}
	return 1
}

func f32(dims ...int) device.Shape { return device.Shape{Kind: dtypes.Float32, Dims: dims} }

// shared is what a program's shared inputs are, and the inputs behind them.
type shared struct {
	x, one            *Node
	rotation, exact   *Node // nil: nothing is packed
	spots, exactSpots *Node // nil: the host writes; there are no exact cells
	windows           []window
}

// window is what differs between layers that see all and those that see a window. seen and own: nil where there are none.
type window struct{ cos, sin, mask, seen, own *Node }

// of are those of a layer.
func (s shared) of(k Kind) window {
	if k.Local {
		return s.windows[1]
	}
	return s.windows[0]
}

func (m Net) shared(in []*Node) (s shared, rest []*Node) {
	next := func() *Node {
		n := in[0]
		in = in[1:]
		return n
	}
	s.x, s.one = next(), next()
	if m.Packed != nil {
		s.rotation, s.exact = next(), next()
	}
	if m.Written {
		s.spots = next()
		if m.Exact > 0 {
			s.exactSpots = next()
		}
	}
	for range m.Windows() {
		w := window{cos: next(), sin: next(), mask: next()}
		if m.Exact > 0 {
			w.seen = next()
		}
		if !m.Written {
			w.own = next()
		}
		s.windows = append(s.windows, w)
	}
	return s, in
}

// Group returns the program of consecutive layers for t tokens and n blocks of a cache of so many, and whether it was
// compiled just now. Inputs are the shared ones and, layer by layer, the cache's arrays and the weights. Of x it makes
// x [T, width] and what each layer leaves [layers, T, width]; then, with Written, the cache's arrays of each layer, else
// their new rows, each of all layers: [layers, T, ...], as [Array.From] counts them.
func (m Net) Group(d *device.Device, t, n, blocks int, kinds []Kind) (*device.Program, bool, error) {
	in := m.Shared(t, n)
	for _, k := range kinds {
		in = append(append(in, m.arrayShapes(n, blocks, k)...), m.weightShapes(LayerWeights(m.Config))...)
	}
	name := fmt.Sprintf("layers %v of %d tokens, %d blocks of %d, %s", kinds, t, n, m.span(n, blocks), m.name())
	return d.Program(name, in, func(in []*Node) []*Node {
		s, in := m.shared(in)
		x := s.x
		var states []*Node
		var written [][]*Node
		for _, k := range kinds {
			c := m.cacheOf(s, k, n, in)
			in = in[len(c.arrays):]
			var weights map[string]weight
			weights, in = m.named(LayerWeights(m.Config), in)
			x = m.layer(x, c, weights)
			states = append(states, x)
			written = append(written, c.changed())
		}
		return append([]*Node{x, Stack(states, 0)}, m.out(written)...)
	})
}

// span is how many blocks of the cache's arrays a program gets that looks at n of so many: all where it writes them.
func (m Net) span(n, blocks int) int {
	if m.Written {
		return blocks
	}
	return n
}

// arrayShapes are those of the arrays of a layer's cache, as a program gets them.
func (m Net) arrayShapes(n, blocks int, k Kind) (shapes []device.Shape) {
	for _, a := range m.Arrays(m.span(n, blocks), k.Packed) {
		shapes = append(shapes, a.Shape)
	}
	return shapes
}

// out are outputs of what layers wrote.
func (m Net) out(layers [][]*Node) (out []*Node) {
	if m.Written {
		return slices.Concat(layers...)
	}
	for i := range layers[0] {
		var all []*Node
		for _, l := range layers {
			all = append(all, l[i])
		}
		out = append(out, Stack(all, 0))
	}
	return out
}

// Head returns the program that makes logits [R, vocabulary] of x [R, width] and [Solid], and whether it was compiled just now.
func (m Net) Head(d *device.Device, r int) (*device.Program, bool, error) {
	weights := HeadWeights(m.Config, m.Vocabulary, "")
	in := append([]device.Shape{f32(r, m.Width), f32(len(Solid))}, m.weightShapes(weights)...)
	return d.Program(fmt.Sprintf("head of %d rows, %s", r, m.name()), in, func(in []*Node) []*Node {
		w, _ := m.named(weights, in[2:])
		return []*Node{m.linear(rmsNorm(in[0], w["output_norm"], m.Epsilon), w["output"], in[1])}
	})
}

// name tells apart what graphs are different for.
func (m Net) name() string {
	c := m.Config
	c.Layers, c.TrainContext, c.EmbeddingScale, c.RopeFactors = 0, 0, 0, nil
	return fmt.Sprintf("%s weights, %s cache, in %s, vocabulary %d, written %t, packed %v, exact %d, %+v",
		m.Weights, m.Cache, m.Compute, m.Vocabulary, m.Written, m.Packed, m.Exact, c)
}

// weight is a vector, or a matrix with its rows' scales where these are not 1.
type weight struct{ numbers, scales *Node }

// weightShapes are those of weights, as a program gets them.
func (m Net) weightShapes(weights []Weight) (shapes []device.Shape) {
	for _, w := range weights {
		shapes = append(shapes, w.Inputs(m.Weights)...)
	}
	return shapes
}

// named are weights by their names, and the inputs behind them.
func (m Net) named(weights []Weight, in []*Node) (named map[string]weight, rest []*Node) {
	named = map[string]weight{}
	for _, w := range weights {
		got := weight{numbers: in[0]}
		n := len(w.Inputs(m.Weights))
		if n == 2 {
			got.scales = in[1]
		}
		named[w.Name] = got
		in = in[n:]
	}
	return named, in
}
