package net

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// Array is one of the arrays of a layer's cache, a row for each cell. From says which of the rows that come out of a layer
// are its.
type Array struct {
	device.Shape
	Exact bool // its cells are those of exact tokens
	From  int
}

// RowBytes is what a cell takes of it.
func (a Array) RowBytes() int { return a.Size() / a.Dims[0] * a.Kind.Size() }

// Arrays are those of a layer's cache of n blocks, of keys and then of values: vectors [C, kv_heads, head_dim], or of a packed
// layer integers of that shape and scales [C, kv_heads]; and with Exact the exact vectors [Exact, kv_heads, head_dim].
func (m Net) Arrays(n int, packed bool) (all []Array) {
	from := 0
	add := func(kind dtypes.DType, exact bool, dims ...int) {
		all = append(all, Array{device.Shape{Kind: m.stored(kind), Dims: dims, Donated: m.Written}, exact, from})
	}
	for range 2 {
		dims := []int{n * Block, m.KVHeads, m.HeadDim}
		if packed {
			add(dtypes.Int8, false, dims...)
			from++
			add(dtypes.Float32, false, dims[:2]...)
			from++
		} else {
			add(m.Cache, false, dims...)
		}
		if m.Exact > 0 {
			add(m.Cache, true, m.Exact, m.KVHeads, m.HeadDim)
		}
		if !packed || m.Exact > 0 {
			from++
		}
	}
	return all
}

// stored is what numbers of the cache are kept as. What programs write are integers of the same bits: the only way to write
// rows in place that graphs have here is to add to them, see put.
func (m Net) stored(kind dtypes.DType) dtypes.DType {
	if !m.Written {
		return kind
	}
	return map[int]dtypes.DType{1: dtypes.Int8, 2: dtypes.Int16, 4: dtypes.Int32}[kind.Size()]
}

// cache is a layer's cache in a graph.
type cache struct {
	Net
	shared
	window
	packed bool
	blocks int
	arrays []*Node // inputs
	rows   []*Node // of the tokens, see Array.From
	after  []*Node // with Written: the arrays with them
}

// cacheOf is a layer's cache, whose arrays in begins with.
func (m Net) cacheOf(s shared, k Kind, blocks int, in []*Node) *cache {
	return &cache{Net: m, shared: s, window: s.of(k), packed: k.Packed, blocks: blocks, arrays: in[:len(m.Arrays(blocks, k.Packed))]}
}

// changed is what comes out of the layer, when it has attended.
func (c *cache) changed() []*Node {
	if c.Written {
		return c.after
	}
	return c.rows
}

// part are keys and values that tokens see, [N, kv_heads, head_dim], with scales [N, kv_heads] or nil, and the mask [T, N].
type part struct {
	keys, values           *Node
	keyScales, valueScales *Node
	mask                   *Node
}

// parts are what the tokens see, their own keys and values [T, kv_heads, head_dim] included.
func (c *cache) parts(k, v *Node) []part {
	own := part{mask: c.own}
	if c.packed {
		both := c.pack(Concatenate([]*Node{k, v}, 1)) // many short operations: together they are half as many
		c.packInto(&own, both.heads(0, c.KVHeads), both.heads(c.KVHeads, 2*c.KVHeads))
	} else {
		own.keys, own.values = as(k, c.Cache), as(v, c.Cache)
		c.rows = []*Node{own.keys, own.values}
	}
	of, arrays := c.Arrays(c.blocks, c.packed), c.arrays
	if c.Written {
		for i, a := range of {
			c.after = append(c.after, put(arrays[i], c.at(a), c.rows[a.From]))
		}
		arrays = c.after
	}
	next := func() *Node {
		n := c.see(of[0], arrays[0])
		of, arrays = of[1:], arrays[1:]
		return n
	}
	main, exact := part{mask: c.mask}, part{mask: c.seen}
	main.keys, main.keyScales, exact.keys = c.vectors(next)
	main.values, main.valueScales, exact.values = c.vectors(next)
	parts := []part{main}
	if c.Exact > 0 {
		parts = append(parts, exact)
	}
	if !c.Written {
		parts = append(parts, own)
	}
	return parts
}

// vectors are the arrays of keys, or those of values.
func (c *cache) vectors(next func() *Node) (main, scales, exact *Node) {
	main = next()
	if c.packed {
		scales = next()
	}
	if c.Exact > 0 {
		exact = next()
	}
	return main, scales, exact
}

// at are the cells of the tokens' rows in an array.
func (c *cache) at(of Array) *Node {
	if of.Exact {
		return c.exactSpots
	}
	return c.spots
}

// put writes rows into cells of an array. Integers wrap, so that what is there and the difference to what is to be there make
// the latter; a row whose cell is beyond the array goes nowhere.
func put(array, cells, rows *Node) *Node {
	if kind := array.DType(); rows.DType() != kind {
		rows = Bitcast(rows, kind)
	}
	at := ExpandAxes(cells, -1)
	return ScatterSum(array, at, Sub(rows, Gather(array, at)), false, true)
}

// see is the beginning of an array that the program looks at, as what it is.
func (c *cache) see(of Array, a *Node) *Node {
	if n := of.Dims[0]; n < a.Shape().Dim(0) {
		a = Slice(a, AxisRange(0, n))
	}
	kind := c.Cache
	switch {
	case of.Kind == dtypes.Int8:
		kind = dtypes.Int8
	case len(of.Dims) == 2:
		kind = dtypes.Float32
	}
	if a.DType() != kind {
		a = Bitcast(a, kind)
	}
	return a
}
