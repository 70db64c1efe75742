package net

import (
	"fmt"

	. "github.com/gomlx/gomlx/pkg/core/graph" //nolint:staticcheck // graphs read as GoMLX's own do

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// A layer whose keys and values somebody changes before attention reads them is two programs. Both get the shared inputs and
// the layer's weights.

// Enter returns the program that makes of x queries [T, heads, head_dim] and keys and values [T, kv_heads, head_dim], and
// whether it was compiled just now.
func (m Net) Enter(d *device.Device, t, n int, kind Kind) (*device.Program, bool, error) {
	in := append(m.Shared(t, n), m.weightShapes(LayerWeights(m.Config))...)
	return d.Program(fmt.Sprintf("beginning of a layer %v of %d tokens, %d blocks, %s", kind, t, n, m.name()), in, func(in []*Node) []*Node {
		s, in := m.shared(in)
		w, _ := m.named(LayerWeights(m.Config), in)
		q, k, v := m.enter(s.x, s.one, s.of(kind), w)
		return []*Node{q, k, v}
	})
}

// Leave returns the program of the rest of a layer, which gets these three before the cache's arrays, and whether it was
// compiled just now. Its outputs are those of Group.
func (m Net) Leave(d *device.Device, t, n, blocks int, kind Kind) (*device.Program, bool, error) {
	in := append(m.Shared(t, n), f32(t, m.Heads, m.HeadDim), f32(t, m.KVHeads, m.HeadDim), f32(t, m.KVHeads, m.HeadDim))
	in = append(append(in, m.arrayShapes(n, blocks, kind)...), m.weightShapes(LayerWeights(m.Config))...)
	return d.Program(fmt.Sprintf("end of a layer %v of %d tokens, %d blocks of %d, %s", kind, t, n, m.span(n, blocks), m.name()), in, func(in []*Node) []*Node {
		s, in := m.shared(in)
		q, k, v := in[0], in[1], in[2]
		c := m.cacheOf(s, kind, n, in[3:])
		w, _ := m.named(LayerWeights(m.Config), in[3+len(c.arrays):])
		x := m.leave(s.x, c.attend(q, k, v), s.one, w)
		return append([]*Node{x, ExpandAxes(x, 0)}, m.out([][]*Node{c.changed()})...)
	})
}
