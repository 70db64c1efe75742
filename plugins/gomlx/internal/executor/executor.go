// Package executor computes decode steps of a model in programs of static shapes: the cache, its books, and the masks
// that make one shape serve any step.
package executor

import (
	"fmt"
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
}

// Executor is a model's KV cache and its programs. The engine calls it from one goroutine, Interrupt aside.
type Executor struct {
	model     *model.Model
	options   Options
	cells     *cells
	cache     []layerCache
	programs  *programs
	inputs    *inputs
	interrupt atomic.Bool

	spots  []int32
	logits [][]float32 // of the last step, [outputs][vocabulary]
	taps   taps
	pages  *kv.Pages // nil: before Park
}

var _ engine.Executor = (*Executor)(nil)

// New allocates the cache. The caller compiles before the first step, and closes the executor before it frees the model.
func New(m *model.Model, o Options) (*Executor, error) {
	o.Cells = (o.Cells + net.Block - 1) / net.Block * net.Block
	x := &Executor{model: m, options: o, cells: newCells(o.Cells)}
	x.programs = newPrograms(m, o)
	if err := x.open(); err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

func (x *Executor) open() (err error) {
	for range x.model.Net.Layers {
		c, err := newLayerCache(x.model, x.options.Cells, x.programs.blocks)
		x.cache = append(x.cache, c)
		if err != nil {
			return err
		}
	}
	x.inputs, err = newInputs(x.model, x.programs)
	return err
}

// Compile makes all programs that steps may need; progress gets fractions of it. Nothing is compiled after.
func (x *Executor) Compile(progress func(done float32) error) error {
	return x.programs.compile(progress)
}

// Programs is how many programs steps choose from.
func (x *Executor) Programs() int { return x.programs.count() }

// Compiled is how many of them were compiled for this executor: the others its device had from before.
func (x *Executor) Compiled() int64 { return x.programs.compiled.Load() }

// Close frees the cache.
func (x *Executor) Close() {
	for _, c := range x.cache {
		c.free()
	}
	if x.inputs != nil {
		x.inputs.free()
	}
	if x.pages != nil {
		x.pages.Close()
	}
}

// CacheBytes is what the cache takes.
func (x *Executor) CacheBytes() (n int64) {
	for _, c := range x.cache {
		n += c.bytes()
	}
	return n
}

// WorkBytes is what the inputs of programs take.
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
// writes keys and values into spots, if there are any. The programs see those of the items as their own, not yet in the
// cache. first is the first item's index in the step, -1: no features are kept. The caller frees the output.
func (x *Executor) forward(items []engine.Item, spots []int32, first int) (out device.Output, err error) {
	place, _ := bucket(x.programs.tokens, len(items))
	in := &x.inputs.sizes[place]
	blocks, err := x.inputs.fill(in, x.cells, items, spots)
	if err != nil {
		return out, err
	}
	hidden := in.x
	for i, g := range x.programs.groups {
		before := out
		if out, err = x.group(x.programs.layers[i][place][blocks], g, hidden, in, blocks, spots, first, len(items)); err != nil {
			err = fmt.Errorf("layers from %d on: %w", g.first, err)
		}
		if i > 0 {
			before.Free()
		}
		if err != nil {
			return out, err
		}
		hidden = out.Buffer()
	}
	return out, nil
}

// group computes some layers, unless the step was interrupted.
func (x *Executor) group(p *device.Program, g group, hidden device.Buffer, in *size, blocks int, spots []int32, first, items int) (device.Output, error) {
	if x.interrupt.Load() {
		return device.Output{}, engine.ErrInterrupted
	}
	out, err := p.Run(x.args(g, hidden, in, blocks)...)
	if err != nil {
		return device.Output{}, err
	}
	err = x.keepVectors(g, spots, in.tokens, out[1])
	if err == nil && first >= 0 {
		err = x.taps.take(g, first, items, out[2])
	}
	out[1].Free()
	out[2].Free()
	if err != nil {
		out[0].Free()
	}
	return out[0], err
}

// args are the inputs of a program of some layers.
func (x *Executor) args(g group, hidden device.Buffer, in *size, blocks int) []device.Buffer {
	args := []device.Buffer{hidden, x.inputs.solid.buffer}
	for _, kind := range in.kinds {
		args = append(args, kind.cos, kind.sin, kind.masks[blocks], kind.own)
	}
	for i := range g.local {
		args = append(append(args, x.cache[g.first+i].views[blocks]...), x.model.Layers[g.first+i]...)
	}
	return args
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
			copy(in.array.Floats()[i*width:][:width], states[row*width:])
		}
		rows = rows[n:]
		out, err := x.programs.head[place].Run(append([]device.Buffer{in.buffer, x.inputs.solid.buffer}, x.model.Head...)...)
		if err != nil {
			return fmt.Errorf("head: %w", err)
		}
		logits, err := out[0].Floats()
		for i := 0; i < n && err == nil; i++ {
			x.keep(logits[i*vocabulary:][:vocabulary])
		}
		out[0].Free()
		if err != nil {
			return err
		}
	}
	return nil
}

// keep copies an output's logits, into memory of steps before where there is some.
func (x *Executor) keep(logits []float32) {
	n := len(x.logits)
	if n < cap(x.logits) {
		x.logits = x.logits[:n+1]
	} else {
		x.logits = append(x.logits, nil)
	}
	x.logits[n] = append(x.logits[n][:0], logits...)
}

// Logits implements engine.Executor.
func (x *Executor) Logits(n int) []float32 { return x.logits[n] }

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
