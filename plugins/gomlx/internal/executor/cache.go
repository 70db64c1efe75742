package executor

import (
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// layerCache is one layer's cache: the host's arrays, or where programs write it what the last one left.
type layerCache struct {
	of      []net.Array
	packed  bool
	arrays  []*device.Array
	written []device.Buffer
}

func newLayerCache(m *model.Model, blocks int, packed bool) (c *layerCache, err error) {
	c = &layerCache{of: m.Net.Arrays(blocks, packed), packed: packed}
	for _, of := range c.of {
		if m.Net.Written {
			b, err := m.Device.Zeros(of.Shape)
			if err != nil {
				return c, err
			}
			c.written = append(c.written, b)
			continue
		}
		a, err := m.Device.NewArray(of.Kind, of.Dims...)
		if err != nil {
			return c, err
		}
		c.arrays = append(c.arrays, a)
	}
	return c, nil
}

func (c *layerCache) free(d *device.Device) {
	for _, a := range c.arrays {
		a.Free()
	}
	for _, b := range c.written {
		d.Free(b)
	}
}

func (c *layerCache) bytes() (n int64) {
	for _, of := range c.of {
		n += of.Bytes()
	}
	return n
}

// inputs are the arrays' first n blocks, of exact cells all, or with Written all of all.
func (c *layerCache) inputs(args []device.Buffer, n int) ([]device.Buffer, error) {
	if c.written != nil {
		return append(args, c.written...), nil
	}
	for i, of := range c.of {
		dims := append([]int{n * net.Block}, of.Dims[1:]...)
		if of.Exact {
			dims = of.Dims
		}
		b, err := c.arrays[i].View(dims...)
		if err != nil {
			return args, err
		}
		args = append(args, b)
	}
	return args, nil
}

// replace takes over what a program made of the arrays, which were donated to it.
func (c *layerCache) replace(d *device.Device, arrays []device.Output) {
	for i, o := range arrays {
		d.Free(c.written[i]) // only its name is left
		c.written[i] = o.Buffer()
	}
}

// place is where a token's row of an array lies, given its cell of so many that are not exact. False: in another array.
func place(of net.Array, spot int32, cells int) (at int, here bool) {
	if of.Exact {
		return int(spot) - cells, int(spot) >= cells
	}
	return int(spot), int(spot) < cells
}

// keep puts rows that a program made of tokens, [layers, tokens, ...], into their cells.
func (x *Executor) keep(g group, spots []int32, tokens int, rows []device.Output) error {
	if len(spots) == 0 {
		return nil
	}
	for from, out := range rows {
		data, err := out.Bytes()
		if err != nil {
			return err
		}
		size := len(data) / len(g.kinds) / tokens
		for layer := range g.kinds {
			c := x.cache[g.first+layer]
			for i, of := range c.of {
				if of.From != from {
					continue
				}
				to := c.arrays[i].Bytes()
				for t, spot := range spots {
					if at, here := place(of, spot, x.options.Cells); here {
						copy(to[at*size:][:size], data[(layer*tokens+t)*size:])
					}
				}
			}
		}
	}
	return nil
}
