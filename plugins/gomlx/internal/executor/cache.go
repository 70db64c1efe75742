package executor

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// layerCache is one layer's keys and values, shaped as net has it, and the views of its beginnings.
type layerCache struct {
	keys, values         *device.Array
	keyViews, valueViews []device.Buffer // by place of the number of blocks
}

func newLayerCache(m *model.Model, cells int, blocks []int) (c layerCache, err error) {
	n := cells / net.Block
	if c.keys, err = m.Device.NewArray(m.Net.Cache, m.Net.KeyShape(n)...); err != nil {
		return c, err
	}
	if c.values, err = m.Device.NewArray(m.Net.Cache, m.Net.ValueShape(n)...); err != nil {
		return c, err
	}
	for _, n := range blocks {
		k, err := c.keys.View(m.Net.KeyShape(n)...)
		if err != nil {
			return c, err
		}
		v, err := c.values.View(m.Net.ValueShape(n)...)
		if err != nil {
			return c, err
		}
		c.keyViews, c.valueViews = append(c.keyViews, k), append(c.valueViews, v)
	}
	return c, nil
}

func (c layerCache) free() {
	for _, a := range []*device.Array{c.keys, c.values} {
		if a != nil {
			a.Free()
		}
	}
}

// write puts what a layer's program made of tokens, of which it computed t, into their cells.
func (c layerCache) write(m net.Net, spots []int32, t int, keys, values device.Output) error {
	if m.Cache == dtypes.Float32 {
		return write(m, spots, t, keys.Floats, values.Floats, c.keys.Floats(), c.values.Floats())
	}
	return write(m, spots, t, keys.Bits, values.Bits, c.keys.Bits(), c.values.Bits())
}

func write[T any](m net.Net, spots []int32, t int, keys, values func() ([]T, error), toKeys, toValues []T) error {
	k, err := keys()
	if err != nil {
		return err
	}
	v, err := values()
	if err != nil {
		return err
	}
	dim := m.HeadDim
	for i, spot := range spots {
		for h := range m.KVHeads {
			at, step := place(m.KVHeads, dim, true, int(spot), h)
			for d := range dim {
				toKeys[at+d*step] = k[(h*dim+d)*t+i]
			}
			at, _ = place(m.KVHeads, dim, false, int(spot), h)
			copy(toValues[at:][:dim], v[(h*t+i)*dim:])
		}
	}
	return nil
}

// place is where a head's vector begins in a cell, and how far apart its numbers are.
func place(heads, dim int, keys bool, cell, head int) (at, step int) {
	block, i := cell/net.Block, cell%net.Block
	start := (block*heads + head) * dim * net.Block
	if keys {
		return start + i, net.Block
	}
	return start + i*dim, 1
}
