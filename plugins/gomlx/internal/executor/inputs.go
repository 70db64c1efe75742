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
	model    *model.Model
	blocks   []int
	sizes    []size
	solid    device.Buffer   // net.Solid
	rotation device.Buffer   // net.Packed's; nil: nothing is packed
	heads    []*device.Array // states of the head's program, by its number of rows
	bytes    int64
	arrays   []*device.Array
}

// size are the inputs for so many tokens.
type size struct {
	tokens            int
	states            *device.Array // [tokens, width]
	exact             *device.Array // [tokens]; nil: nothing is packed
	spots, exactSpots *device.Array // [tokens]; nil: the host writes the cache; there are no exact cells
	keys, values      *device.Array // [tokens, kv_heads, head_dim], on their way through a codec; nil: there is none
	windows           []*window     // of layers: global ones, and local ones where there are any
}

// window is what differs between layers that see all and those that see a window.
type window struct {
	local    bool
	cos, sin *device.Array // [tokens, head_dim/2]
	mask     *device.Array // [tokens, cells]
	seen     *device.Array // [tokens, exact cells]; nil: there are none
	own      *device.Array // [tokens, tokens]; nil: tokens are seen in their cells
}

func newInputs(m *model.Model, p *programs) (*inputs, error) {
	in := &inputs{model: m, blocks: p.blocks}
	if err := in.open(p); err != nil {
		in.free()
		return nil, err
	}
	return in, nil
}

func (in *inputs) open(p *programs) (err error) {
	m := in.model.Net
	if in.solid, err = in.constant(func(to []float32) { copy(to, net.Solid) }, len(net.Solid)); err != nil {
		return err
	}
	if m.Packed != nil {
		in.rotation, err = in.constant(func(to []float32) { m.Packed.Rotate(to, m.HeadDim) }, m.HeadDim, m.HeadDim)
		if err != nil {
			return err
		}
	}
	for _, t := range p.tokens {
		s, err := in.size(t, p.cells*net.Block, p.enters != nil)
		if err != nil {
			return err
		}
		in.sizes = append(in.sizes, s)
	}
	for _, r := range p.heads {
		a, err := in.array(dtypes.Float32, r, m.Width)
		if err != nil {
			return err
		}
		in.heads = append(in.heads, a)
	}
	return nil
}

func (in *inputs) array(kind dtypes.DType, dims ...int) (*device.Array, error) {
	a, err := in.model.Device.NewArray(kind, dims...)
	if err == nil {
		in.arrays = append(in.arrays, a)
		in.bytes += a.Size()
	}
	return a, err
}

func (in *inputs) constant(fill func([]float32), dims ...int) (device.Buffer, error) {
	a, err := in.array(dtypes.Float32, dims...)
	if err != nil {
		return nil, err
	}
	fill(a.Floats())
	return a.Move()
}

// want is an array that there is only under some conditions.
type want struct {
	to   **device.Array
	is   bool
	kind dtypes.DType
	dims []int
}

func (in *inputs) allocate(wanted []want) (err error) {
	for _, w := range wanted {
		if !w.is {
			continue
		}
		if *w.to, err = in.array(w.kind, w.dims...); err != nil {
			return err
		}
	}
	return nil
}

func (in *inputs) size(t, cells int, live bool) (s size, err error) {
	m := in.model.Net
	s.tokens = t
	err = in.allocate([]want{
		{&s.states, true, dtypes.Float32, []int{t, m.Width}},
		{&s.exact, m.Packed != nil, dtypes.Float32, []int{t}},
		{&s.spots, m.Written, dtypes.Int32, []int{t}},
		{&s.exactSpots, m.Written && m.Exact > 0, dtypes.Int32, []int{t}},
		{&s.keys, live, dtypes.Float32, []int{t, m.KVHeads, m.HeadDim}},
		{&s.values, live, dtypes.Float32, []int{t, m.KVHeads, m.HeadDim}},
	})
	for i := range m.Windows() {
		w := &window{local: i > 0}
		s.windows = append(s.windows, w)
		if err != nil {
			return s, err
		}
		err = in.allocate([]want{
			{&w.cos, true, dtypes.Float32, []int{t, m.HeadDim / 2}},
			{&w.sin, true, dtypes.Float32, []int{t, m.HeadDim / 2}},
			{&w.mask, true, dtypes.Float32, []int{t, cells}},
			{&w.seen, m.Exact > 0, dtypes.Float32, []int{t, m.Exact}},
			{&w.own, !m.Written, dtypes.Float32, []int{t, t}},
		})
	}
	return s, err
}

func (in *inputs) free() {
	for _, a := range in.arrays {
		a.Free()
	}
}

// args are the inputs that all layers of a program share, for n blocks, but for the states.
func (in *inputs) args(s *size, n int) (args []device.Buffer, err error) {
	view := func(a *device.Array, dims ...int) {
		if a == nil || err != nil {
			return
		}
		var b device.Buffer
		b, err = a.View(dims...)
		args = append(args, b)
	}
	m, t := in.model.Net, s.tokens
	args = append(args, in.solid)
	if in.rotation != nil {
		args = append(args, in.rotation)
	}
	view(s.exact, t)
	view(s.spots, t)
	view(s.exactSpots, t)
	for _, w := range s.windows {
		view(w.cos, t, m.HeadDim/2)
		view(w.sin, t, m.HeadDim/2)
		view(w.mask, t, n*net.Block)
		view(w.seen, t, m.Exact)
		view(w.own, t, t)
	}
	return args, err
}

// fill writes the inputs of a chunk and returns the place of the number of blocks that it looks at. spots are the items'
// own cells, which are not filled yet.
func (in *inputs) fill(s *size, c *cells, items []engine.Item, spots []int32) (blocks int, err error) {
	m := in.model.Net
	var of owners
	for i, it := range items {
		if err := in.model.Embed(it.Token, s.states.Floats()[i*m.Width:][:m.Width]); err != nil {
			return 0, err
		}
		of.add(it.Seq)
	}
	own := make(map[int32]bool, len(spots))
	if m.Written {
		in.place(s, spots, c)
	} else {
		for _, spot := range spots {
			own[spot] = true
		}
	}
	if s.exact != nil {
		for i, it := range items {
			s.exact.Floats()[i] = 0
			if it.Pos < c.sinks {
				s.exact.Floats()[i] = 1
			}
		}
	}
	end := c.end(&of, own)
	blocks, n := bucket(in.blocks, (end+net.Block-1)/net.Block)
	seen := newSeen(c, items, own)
	for _, w := range s.windows {
		in.angles(w, items)
		span := int32(math.MaxInt32)
		if w.local {
			span = int32(m.Window)
		}
		seen.mask(w.mask.Floats()[:s.tokens*n*net.Block], s.tokens, 0, end, span)
		if w.seen != nil {
			seen.mask(w.seen.Floats(), s.tokens, c.main, len(c.owners), span)
		}
		if w.own != nil {
			maskOwn(w.own.Floats(), s.tokens, items, span)
		}
	}
	return blocks, nil
}

// place says where programs write rows. Those that go nowhere have cells behind the last, each its own.
func (in *inputs) place(s *size, spots []int32, c *cells) {
	for i := range s.tokens {
		main, exact := int32(c.main+i), int32(in.model.Net.Exact+i)
		if i < len(spots) {
			if spot := spots[i]; int(spot) < c.main {
				main = spot
			} else {
				exact = spot - int32(c.main)
			}
		}
		s.spots.Int32s()[i] = main
		if s.exactSpots != nil {
			s.exactSpots.Int32s()[i] = exact
		}
	}
}

// angles writes by what the items' heads are rotated.
func (in *inputs) angles(w *window, items []engine.Item) {
	half := in.model.Net.HeadDim / 2
	cos, sin := w.cos.Floats(), w.sin.Floats()
	for j := range half {
		each := in.model.Net.Angle(1, j, w.local)
		for i, it := range items {
			s, c := math.Sincos(float64(it.Pos) * each)
			cos[i*half+j], sin[i*half+j] = float32(c), float32(s)
		}
	}
}
