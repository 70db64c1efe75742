package net

import (
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// Rows of cells leave a cache that programs write, and come back, through programs too.

// spotShapes are the shapes of n rows' cells, and of their exact cells if there are any.
func (m Net) spotShapes(n int) []device.Shape {
	spots := device.Shape{Kind: dtypes.Int32, Dims: []int{n}}
	if m.Exact > 0 {
		return []device.Shape{spots, spots}
	}
	return []device.Shape{spots}
}

// rowsCache is a cache of which only rows matter. in are the spots and what is behind them.
func (m Net) rowsCache(in []*Node) (c *cache, rest []*Node) {
	c = &cache{Net: m, shared: shared{spots: in[0], exactSpots: in[0]}}
	if m.Exact > 0 {
		c.exactSpots = in[1]
	}
	return c, in[len(m.spotShapes(0)):]
}

// Fetch returns the program that copies n rows out of each array of a layer's cache, and whether it was compiled just now.
// Inputs are the rows' cells and the arrays.
func (m Net) Fetch(d *device.Device, n, blocks int, packed bool) (*device.Program, bool, error) {
	of := m.Arrays(blocks, packed)
	in := m.spotShapes(n)
	for _, a := range of {
		a.Donated = false
		in = append(in, a.Shape)
	}
	return d.Program(fmt.Sprintf("%d rows of %d blocks, packed %t, %s", n, blocks, packed, m.name()), in, func(in []*Node) (out []*Node) {
		c, arrays := m.rowsCache(in)
		for i, a := range of {
			out = append(out, Gather(arrays[i], ExpandAxes(c.at(a), -1)))
		}
		return out
	})
}

// Store returns the program that writes such rows, and whether it was compiled just now. Inputs are the rows' cells, the
// arrays, and rows for each.
func (m Net) Store(d *device.Device, n, blocks int, packed bool) (*device.Program, bool, error) {
	of := m.Arrays(blocks, packed)
	in := m.spotShapes(n)
	for _, a := range of {
		in = append(in, a.Shape)
	}
	for _, a := range of {
		in = append(in, device.Shape{Kind: a.Kind, Dims: append([]int{n}, a.Dims[1:]...)})
	}
	return d.Program(fmt.Sprintf("%d rows into %d blocks, packed %t, %s", n, blocks, packed, m.name()), in, func(in []*Node) (out []*Node) {
		c, arrays := m.rowsCache(in)
		for i, a := range of {
			out = append(out, put(arrays[i], c.at(a), arrays[len(of)+i]))
		}
		return out
	})
}
