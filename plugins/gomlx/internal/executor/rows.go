package executor

import (
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// movers are the programs that copy a page's rows out of a cache that programs write, and into it: of layers that are not
// packed, and of those that are.
type movers struct{ fetch, store [2]*device.Program }

// compileMovers compiles those that some layer needs.
func (p *programs) compileMovers() error {
	if !p.model.Net.Written {
		return nil
	}
	for layer := range p.model.Net.Layers {
		packed := p.model.Packs(layer)
		i := index(packed)
		if p.movers.fetch[i] != nil {
			continue
		}
		var err error
		if p.movers.fetch[i], err = p.counted(p.model.Net.Fetch(p.model.Device, backend.PageTokens, p.cells, packed)); err != nil {
			return err
		}
		if p.movers.store[i], err = p.counted(p.model.Net.Store(p.model.Device, backend.PageTokens, p.cells, packed)); err != nil {
			return err
		}
	}
	return nil
}

func index(packed bool) int {
	if packed {
		return 1
	}
	return 0
}

// moveWritten copies a page's rows of a layer whose cache programs write. at are the spots as programs get them.
func (x *Executor) moveWritten(c *layerCache, rows [][]byte, spots []int32, at []device.Buffer, in bool) error {
	args := slices.Concat(at, c.written)
	kind := index(c.packed)
	if !in {
		return x.fetchRows(c, x.programs.movers.fetch[kind], args, rows, spots)
	}
	var arrays []*device.Array
	defer func() {
		for _, a := range arrays {
			a.Free()
		}
	}()
	for i, of := range c.of {
		a, err := x.model.Device.NewArray(of.Kind, append([]int{len(spots)}, of.Dims[1:]...)...)
		if err != nil {
			return err
		}
		arrays = append(arrays, a)
		copy(a.Bytes(), rows[i])
		b, err := a.View(append([]int{len(spots)}, of.Dims[1:]...)...)
		if err != nil {
			return err
		}
		args = append(args, b)
	}
	out, err := x.programs.movers.store[kind].Run(args...)
	if err != nil {
		return fmt.Errorf("write rows of a page: %w", err)
	}
	c.replace(x.model.Device, out)
	return nil
}

// fetchRows copies rows of all arrays, of exact ones as many as a page has.
func (x *Executor) fetchRows(c *layerCache, p *device.Program, args []device.Buffer, rows [][]byte, spots []int32) error {
	out, err := p.Run(args...)
	if err != nil {
		return fmt.Errorf("read rows of a page: %w", err)
	}
	for i, of := range c.of {
		data, e := out[i].Bytes()
		size := of.RowBytes()
		for t, spot := range spots {
			if _, here := place(of, spot, x.options.Cells); here && e == nil {
				copy(rows[i][t*size:][:size], data[t*size:])
			}
		}
		if err == nil {
			err = e
		}
		out[i].Free()
	}
	return err
}

// spotArgs are the cells of rows as programs get them.
func (x *Executor) spotArgs(spots []int32) (args []device.Buffer, free func(), err error) {
	var arrays []*device.Array
	free = func() {
		for _, a := range arrays {
			a.Free()
		}
	}
	n := 1
	if x.model.Net.Exact > 0 {
		n = 2
	}
	for range n {
		a, err := x.model.Device.NewArray(dtypes.Int32, len(spots))
		if err != nil {
			return nil, free, err
		}
		arrays = append(arrays, a)
	}
	for i, spot := range spots {
		for n, a := range arrays {
			at, here := place(net.Array{Exact: n > 0}, spot, x.options.Cells)
			if !here {
				at = x.options.Cells + x.model.Net.Exact + i
			}
			a.Int32s()[i] = int32(at)
		}
	}
	for _, a := range arrays {
		b, err := a.View(len(spots))
		if err != nil {
			return nil, free, err
		}
		args = append(args, b)
	}
	return args, free, nil
}
