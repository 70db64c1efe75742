package executor

import (
	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// layerCache is one layer's keys and values, an array a head, [cells, head_dim]: the heads of keys and then those of
// values. views are programs' inputs of their beginnings, by place of the number of blocks.
type layerCache struct {
	heads []*device.Array
	views [][]device.Buffer
}

func newLayerCache(m *model.Model, cells int, blocks []int) (c layerCache, err error) {
	c.views = make([][]device.Buffer, len(blocks))
	for range 2 * m.Net.KVHeads {
		a, err := m.Device.NewArray(m.Net.Cache, m.Net.HeadShape(cells/net.Block)...)
		if err != nil {
			return c, err
		}
		c.heads = append(c.heads, a)
		for i, n := range blocks {
			b, err := a.View(m.Net.HeadShape(n)...)
			if err != nil {
				return c, err
			}
			c.views[i] = append(c.views[i], b)
		}
	}
	return c, nil
}

func (c layerCache) free() {
	for _, a := range c.heads {
		a.Free()
	}
}

func (c layerCache) bytes() (n int64) {
	for _, a := range c.heads {
		n += a.Size()
	}
	return n
}

// keepVectors puts what a program made of tokens into their cells: [layers, 2, tokens, kv_heads, head_dim].
func (x *Executor) keepVectors(g group, spots []int32, tokens int, out device.Output) error {
	if len(spots) == 0 {
		return nil
	}
	if x.model.Net.Cache == dtypes.Float32 {
		numbers, err := out.Floats()
		keep(x, g, spots, tokens, (*device.Array).Floats, numbers)
		return err
	}
	numbers, err := out.Bits()
	keep(x, g, spots, tokens, (*device.Array).Bits, numbers)
	return err
}

func keep[T any](x *Executor, g group, spots []int32, tokens int, numbers func(*device.Array) []T, vectors []T) {
	m := x.model.Net
	size := tokens * m.KVHeads * m.HeadDim
	for i := 0; len(vectors) > 0; i++ {
		scatter(x.cache[g.first+i/2].heads[i%2*m.KVHeads:][:m.KVHeads], numbers, m.HeadDim, spots, vectors[:size])
		vectors = vectors[size:]
	}
}

// scatter writes vectors [tokens, heads, dim] into their cells, and gather reads them.
func scatter[T any](heads []*device.Array, numbers func(*device.Array) []T, dim int, spots []int32, vectors []T) {
	for h, a := range heads {
		cells := numbers(a)
		for i, spot := range spots {
			copy(cells[int(spot)*dim:][:dim], vectors[(i*len(heads)+h)*dim:])
		}
	}
}

func gather[T any](heads []*device.Array, numbers func(*device.Array) []T, dim int, spots []int32, vectors []T) {
	for h, a := range heads {
		cells := numbers(a)
		for i, spot := range spots {
			copy(vectors[(i*len(heads)+h)*dim:][:dim], cells[int(spot)*dim:])
		}
	}
}
