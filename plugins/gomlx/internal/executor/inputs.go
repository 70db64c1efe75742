package executor

import (
	"math"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// inputs are what programs read beside weights and cache, for each number of tokens.
type inputs struct {
	model  *model.Model
	blocks []int
	sizes  []size
	solid  input   // net.Solid
	heads  []input // of the head's program, by its number of rows
	bytes  int64
	arrays []*device.Array
}

type input struct {
	array  *device.Array
	buffer device.Buffer
}

// size are the inputs for so many tokens.
type size struct {
	tokens int
	states *device.Array // [tokens, width]
	x      device.Buffer
	kinds  []*kind // of layers: global ones, and local ones where there are any
}

// kind is what differs between layers that see all and those that see a window.
type kind struct {
	local         bool
	angles        [2]*device.Array // cosines and sines, [tokens, head_dim/2]
	mask, seen    *device.Array    // [tokens, cells] and [tokens, tokens]
	cos, sin, own device.Buffer
	masks         []device.Buffer // by place of the number of blocks
}

func newInputs(m *model.Model, p *programs) (*inputs, error) {
	in := &inputs{model: m, blocks: p.blocks}
	var err error
	if in.solid, err = in.array(len(net.Solid)); err != nil {
		return nil, err
	}
	copy(in.solid.array.Floats(), net.Solid)
	for _, t := range p.tokens {
		s, err := in.size(t)
		if err != nil {
			in.free()
			return nil, err
		}
		in.sizes = append(in.sizes, s)
	}
	for _, r := range p.heads {
		i, err := in.array(r, m.Net.Width)
		if err != nil {
			in.free()
			return nil, err
		}
		in.heads = append(in.heads, i)
	}
	return in, nil
}

func (in *inputs) array(dims ...int) (i input, err error) {
	if i.array, err = in.model.Device.NewArray(dtypes.Float32, dims...); err != nil {
		return i, err
	}
	in.arrays = append(in.arrays, i.array)
	in.bytes += i.array.Size()
	i.buffer, err = i.array.View(dims...)
	return i, err
}

func (in *inputs) size(t int) (size, error) {
	x, err := in.array(t, in.model.Net.Width)
	if err != nil {
		return size{}, err
	}
	s := size{tokens: t, states: x.array, x: x.buffer}
	for _, local := range []bool{false, true} {
		if local && in.model.Net.Window == 0 {
			break
		}
		k, err := in.kind(t, local)
		if err != nil {
			return s, err
		}
		s.kinds = append(s.kinds, k)
	}
	return s, nil
}

func (in *inputs) kind(t int, local bool) (*kind, error) {
	k := &kind{local: local}
	for i, to := range []*device.Buffer{&k.cos, &k.sin} {
		a, err := in.array(t, in.model.Net.HeadDim/2)
		if err != nil {
			return nil, err
		}
		k.angles[i], *to = a.array, a.buffer
	}
	own, err := in.array(t, t)
	if err != nil {
		return nil, err
	}
	k.seen, k.own = own.array, own.buffer
	mask, err := in.array(t, in.blocks[len(in.blocks)-1]*net.Block)
	if err != nil {
		return nil, err
	}
	k.mask = mask.array
	for _, n := range in.blocks {
		b, err := k.mask.View(t, n*net.Block)
		if err != nil {
			return nil, err
		}
		k.masks = append(k.masks, b)
	}
	return k, nil
}

func (in *inputs) free() {
	for _, a := range in.arrays {
		a.Free()
	}
}

// fill writes the inputs of a chunk and returns the place of the number of blocks that it looks at. spots are the
// items' own cells, which are not filled yet.
func (in *inputs) fill(s *size, c *cells, items []engine.Item, spots []int32) (blocks int, err error) {
	width := in.model.Net.Width
	var of owners
	for i, it := range items {
		if err := in.model.Embed(it.Token, s.states.Floats()[i*width:][:width]); err != nil {
			return 0, err
		}
		of.add(it.Seq)
	}
	own := make(map[int32]bool, len(spots))
	for _, spot := range spots {
		own[spot] = true
	}
	end := c.end(&of, own)
	blocks, n := bucket(in.blocks, (end+net.Block-1)/net.Block)
	for _, k := range s.kinds {
		in.angles(k, items)
		window := int32(math.MaxInt32)
		if k.local {
			window = int32(in.model.Net.Window)
		}
		maskOwn(k.seen.Floats(), s.tokens, items, window)
		maskCache(k.mask.Floats()[:s.tokens*n*net.Block], n*net.Block, c, items, own, window, end)
	}
	return blocks, nil
}

// angles writes by what the items' heads are rotated.
func (in *inputs) angles(k *kind, items []engine.Item) {
	half := in.model.Net.HeadDim / 2
	cos, sin := k.angles[0].Floats(), k.angles[1].Floats()
	for i, it := range items {
		for j := range half {
			s, c := math.Sincos(in.model.Net.Angle(it.Pos, j, k.local))
			cos[i*half+j], sin[i*half+j] = float32(c), float32(s)
		}
	}
}

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

// maskCache says which cells the items see: those of their sequence that are filled and before them.
func maskCache(mask []float32, width int, c *cells, items []engine.Item, own map[int32]bool, window int32, end int) {
	for i := range mask {
		mask[i] = net.Hidden
	}
	for cell := range end {
		if c.owners[cell].none() || own[int32(cell)] {
			continue
		}
		for i, it := range items {
			if p := c.positions[cell]; p <= it.Pos && it.Pos-p < window && c.owners[cell].has(it.Seq) {
				mask[i*width+cell] = 0
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
