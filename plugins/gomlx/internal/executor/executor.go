// Package executor computes decode steps of a model in programs of static shapes: the cache, its books, and the masks
// that make one shape serve any step.
package executor

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// Options are an executor's settings, without defaults.
type Options struct {
	Cells     int // rounded up to whole blocks
	Batch     int
	Sequences int // below MaxSequences
	Sinks     int // first positions that packed layers keep exact

	// Tokens and Blocks are the numbers of tokens, and of blocks of the cache, that programs are compiled for, ascending
	// to Batch and to the whole cache. nil: the usual ones.
	Tokens, Blocks []int
}

// Exact is how many exact cells the network needs that an executor with these options runs: those of all sequences.
func (o Options) Exact() int {
	const whole = 32
	return ((o.Sequences+1)*o.Sinks + whole - 1) / whole * whole
}

// Executor is a model's KV cache and its programs. The engine calls it from one goroutine, Interrupt aside.
type Executor struct {
	model     *model.Model
	options   Options
	cells     *cells
	cache     []*layerCache
	programs  *programs
	inputs    *inputs
	interrupt atomic.Bool

	spots  []int32
	logits []float32 // of the last step, [outputs, vocabulary]
	taps   taps
	live   *live     // nil: no codec acts in steps
	pages  *kv.Pages // nil: before Park
}

var _ engine.Executor = (*Executor)(nil)

// New allocates the cache. The caller compiles before the first step, and closes the executor before it frees the model.
func New(m *model.Model, o Options) (*Executor, error) {
	o.Cells = (o.Cells + net.Block - 1) / net.Block * net.Block
	if m.Net.Exact == 0 {
		o.Sinks = 0
	}
	x := &Executor{model: m, options: o, cells: newCells(o.Cells, m.Net.Exact, o.Sinks)}
	x.programs = newPrograms(m, o)
	if err := x.open(); err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

func (x *Executor) open() (err error) {
	for layer := range x.model.Net.Layers {
		c, err := newLayerCache(x.model, x.programs.cells, x.model.Packs(layer))
		x.cache = append(x.cache, c)
		if err != nil {
			return err
		}
	}
	return nil
}

// Compile makes all programs that steps may need, and room for their inputs; progress gets fractions of it. Nothing is
// compiled after.
func (x *Executor) Compile(progress func(done float32) error) (err error) {
	if x.inputs, err = newInputs(x.model, x.programs); err != nil {
		return err
	}
	return x.programs.compile(progress)
}

// Programs is how many programs steps choose from.
func (x *Executor) Programs() int { return x.programs.count() }

// Compiled is how many of them were compiled for this executor: the others its device had from before.
func (x *Executor) Compiled() int64 { return x.programs.compiled.Load() }

// Close frees the cache.
func (x *Executor) Close() {
	for _, c := range x.cache {
		c.free(x.model.Device)
	}
	if x.inputs != nil {
		x.inputs.free()
	}
	if x.pages != nil {
		x.pages.Close()
	}
	if x.live != nil {
		x.live.Close()
	}
}

// CacheBytes is what the cache takes.
func (x *Executor) CacheBytes() (n int64) {
	for _, c := range x.cache {
		n += c.bytes()
	}
	return n
}

// WorkBytes is what the inputs of programs take, once there are any.
func (x *Executor) WorkBytes() int64 { return x.inputs.bytes }

// Limits implements engine.Executor.
func (x *Executor) Limits() engine.Limits {
	return engine.Limits{
		Sequences: x.options.Sequences, Cells: x.options.Cells, Batch: x.options.Batch,
		Vocabulary: x.model.Net.Vocabulary, CopyIsFree: true,
	}
}

// Step implements engine.Executor.
func (x *Executor) Step(items []engine.Item) (err error) {
	defer x.interrupt.Store(false)
	var ok bool
	if x.spots, ok = x.cells.take(items, x.spots); !ok {
		return engine.ErrNoCells
	}
	x.logits = x.logits[:0]
	x.taps.begin(len(items))
	for at := 0; at < len(items); at += maxChunk {
		to := min(at+maxChunk, len(items))
		if err := x.chunk(items[at:to], x.spots[at:to], at); err != nil {
			x.cells.release(x.spots)
			return err
		}
	}
	return nil
}

// chunk computes items that fit one run of the programs, and their logits. Their cells are theirs already.
func (x *Executor) chunk(items []engine.Item, spots []int32, first int) error {
	out, err := x.forward(items, spots, first)
	if err != nil {
		return err
	}
	defer out.Free()
	return x.head(items, out)
}

// forward computes the states that the last layer leaves of items that fit one run of the programs, [tokens, width], and
// brings keys and values into spots, if there are any. first is the first item's index in the step, -1: no features are
// kept. The caller frees the output.
func (x *Executor) forward(items []engine.Item, spots []int32, first int) (out device.Output, err error) {
	place, _ := bucket(x.programs.tokens, len(items))
	in := &x.inputs.sizes[place]
	blocks, err := x.inputs.fill(in, x.cells, items, spots)
	if err != nil {
		return out, err
	}
	shared, err := x.inputs.args(in, x.programs.blocks[blocks])
	if err != nil {
		return out, err
	}
	hidden, err := in.states.View(in.tokens, x.model.Net.Width)
	if err != nil {
		return out, err
	}
	run := run{spots: spots, in: in, shared: shared, place: place, size: blocks, blocks: x.programs.blocks[blocks]}
	if x.live != nil {
		if err := x.live.begin(items); err != nil {
			return out, err
		}
		if run.entering, err = x.inputs.args(in, x.programs.blocks[0]); err != nil {
			return out, err
		}
	}
	for i, g := range x.programs.groups {
		before := out
		var states device.Output
		out, states, err = x.group(i, g, hidden, run)
		if i > 0 {
			before.Free()
		}
		if err != nil {
			return out, fmt.Errorf("layers from %d on: %w", g.first, err)
		}
		if first >= 0 {
			err = x.taps.take(g, first, len(items), states)
		}
		states.Free()
		if err != nil {
			out.Free()
			return out, err
		}
		hidden = out.Buffer()
	}
	return out, nil
}

// run is what programs of all layers get alike.
type run struct {
	spots       []int32
	in          *size
	shared      []device.Buffer
	entering    []device.Buffer // with a live codec: the same for the first of a layer's two programs
	place, size int             // of the programs, by tokens and by blocks
	blocks      int
}

// group computes some layers, unless the step was interrupted: what they leave together, and each.
func (x *Executor) group(i int, g group, hidden device.Buffer, r run) (last, states device.Output, err error) {
	if x.interrupt.Load() {
		return last, states, engine.ErrInterrupted
	}
	var out []device.Output
	p := x.programs.layers[i][r.place][r.size]
	if x.live != nil {
		out, err = x.liveLayer(g.first, x.programs.enters[i][r.place], p, hidden, r)
	} else {
		args := append([]device.Buffer{hidden}, r.shared...)
		for i := range g.kinds {
			if args, err = x.cache[g.first+i].inputs(args, r.blocks); err != nil {
				return last, states, err
			}
			args = append(args, x.model.Layers[g.first+i]...)
		}
		out, err = p.Run(args...)
	}
	if err != nil {
		return last, states, err
	}
	cache := out[2:]
	if x.model.Net.Written {
		for i := range g.kinds {
			c := x.cache[g.first+i]
			n := len(c.written)
			c.replace(x.model.Device, cache[:n])
			cache = cache[n:]
		}
		return out[0], out[1], nil
	}
	err = x.keep(g, r.spots, r.in.tokens, cache)
	for _, o := range cache {
		o.Free()
	}
	if err != nil {
		out[0].Free()
		out[1].Free()
	}
	return out[0], out[1], err
}

// head computes the logits of the items that want them.
func (x *Executor) head(items []engine.Item, hidden device.Output) error {
	states, err := hidden.Floats()
	if err != nil {
		return err
	}
	var rows []int
	for i, it := range items {
		if it.Output {
			rows = append(rows, i)
		}
	}
	width, vocabulary := x.model.Net.Width, x.model.Net.Vocabulary
	for len(rows) > 0 {
		place, size := bucket(x.programs.heads, len(rows))
		in := x.inputs.heads[place]
		n := min(size, len(rows))
		for i, row := range rows[:n] {
			copy(in.Floats()[i*width:][:width], states[row*width:])
		}
		rows = rows[n:]
		args, err := x.headArgs(in, size)
		if err != nil {
			return err
		}
		out, err := x.programs.head[place].Run(args...)
		if err != nil {
			return fmt.Errorf("head: %w", err)
		}
		// The rows that fill up the last program's are overwritten or not looked at.
		at := len(x.logits)
		x.logits = slices.Grow(x.logits, size*vocabulary)[:at+n*vocabulary]
		err = out[0].CopyTo(x.logits[at : at+size*vocabulary])
		out[0].Free()
		if err != nil {
			return err
		}
	}
	return nil
}

// headArgs are the inputs of the head's program.
func (x *Executor) headArgs(in *device.Array, rows int) ([]device.Buffer, error) {
	states, err := in.View(rows, x.model.Net.Width)
	return append([]device.Buffer{states, x.inputs.solid}, x.model.Head...), err
}

// Logits implements engine.Executor.
func (x *Executor) Logits(n int) []float32 {
	v := x.model.Net.Vocabulary
	return x.logits[n*v:][:v]
}

// SeqRemove implements engine.Executor.
func (x *Executor) SeqRemove(seq engine.SeqID, from, to int32) bool {
	x.cells.remove(seq, from, to)
	return true
}

// SeqCopy implements engine.Executor. The cells are shared, not copied.
func (x *Executor) SeqCopy(src, dst engine.SeqID, to int32) bool {
	x.cells.share(src, dst, to)
	return true
}

// Interrupt implements engine.Executor. A step looks for it between layers.
func (x *Executor) Interrupt() { x.interrupt.Store(true) }

// Warm runs one token through the model, so that its weights are in memory, and leaves the cache as it was.
func (x *Executor) Warm(token backend.Token) error {
	if err := x.Step([]engine.Item{{Token: token, Output: true}}); err != nil {
		return err
	}
	x.cells.remove(0, 0, -1)
	return nil
}
