// Package executor runs decode steps of one model in llama.cpp. It implements engine.Executor and
// engine.Embedder.
package executor

import (
	"context"
	"errors"
	"fmt"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/compute"
)

// Options are an executor's settings, without defaults.
type Options struct {
	Cells     int
	Batch     int
	Sequences int
	Threads   compute.Threads
	Flash     binding.FlashAttention
	K, V      binding.KVType
	Pooling   Pooling
	// EmbedOnly is for models that only embed: their one context serves Embed, and Step is not
	// called.
	EmbedOnly bool
	// Whole is for models whose tokens attend to later ones too: a text is one step.
	Whole bool
	// Live passes keys and values through a codec; nil: attention reads them as computed.
	Live *LiveOptions
	// Hidden makes Tap possible.
	Hidden bool
}

// Executor is a model's KV cache and work buffers. The engine calls it from one goroutine,
// Interrupt aside.
type Executor struct {
	model     *binding.Model
	options   Options
	ctx       *binding.Context
	interrupt *binding.Interrupt
	pool      *binding.Pool
	release   func() // of pool
	starts    []int32
	taps      *binding.Taps // of ctx; nil: none
	live      *live         // nil: without Options.Live
	features  *features     // nil: without Options.Hidden
	cells     *cells        // nil: they cannot be got at
	pages     *kv.Pages     // nil: before Park
	pageBytes int64         // of keys and values in f16
}

// New allocates what steps need. The caller closes it before it frees the model.
func New(model *binding.Model, o Options) (*Executor, error) {
	pool, release, err := compute.Acquire(o.Threads)
	if err != nil {
		return nil, fmt.Errorf("start %d threads: %w", o.Threads.Count, err)
	}
	x := &Executor{
		model:     model,
		options:   o,
		interrupt: binding.NewInterrupt(),
		pool:      pool,
		release:   release,
		starts:    make([]int32, o.Sequences),
	}
	if err := x.open(); err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

func (x *Executor) open() (err error) {
	o := x.options
	p := x.params(o.Cells, o.Batch, o.Sequences, o.EmbedOnly)
	var taps []binding.Tap
	if o.Live != nil {
		if x.live, err = newLive(context.Background(), o.Live, o.Batch); err != nil {
			return err
		}
		taps = append(taps, x.live.tap())
	}
	if o.Hidden {
		x.features = newFeatures(x.model.Shape())
		taps = append(taps, x.features.tap())
	}
	if len(taps) > 0 {
		x.taps = binding.NewTaps(taps...)
		if x.live != nil {
			x.live.taps = x.taps
		}
		p.Taps = x.taps
	}
	if x.ctx, err = binding.NewContext(x.model, p); err != nil {
		return fmt.Errorf("%w: allocate %d KV cells: %w", base.ErrOutOfMemory, o.Cells, err)
	}
	x.cells = newCells(x.ctx, x.model.Shape().Layers)
	if x.live != nil {
		return x.live.setRecent(context.Background(), x.cells)
	}
	return nil
}

func (x *Executor) params(cells, batch, sequences int, embeddings bool) binding.ContextParams {
	p := binding.ContextParams{
		Cells:      cells,
		Batch:      batch,
		Sequences:  sequences,
		Threads:    x.options.Threads.Count,
		Pool:       x.pool,
		Flash:      x.options.Flash,
		K:          x.options.K,
		V:          x.options.V,
		Embeddings: embeddings,
	}
	if !x.model.Recurrent() {
		// A running state cannot be put back to what it was before a step.
		p.Interrupt = x.interrupt
	}
	return p
}

// Close frees the cache, the buffers and the threads.
func (x *Executor) Close() {
	if x.ctx != nil {
		x.ctx.Free()
	}
	if x.taps != nil {
		x.taps.Free()
	}
	if x.live != nil {
		x.live.Close()
	}
	if x.pages != nil {
		x.pages.Close()
	}
	x.interrupt.Free()
	x.release()
}

// Memory counts the bytes of the model and of the executor.
func (x *Executor) Memory() binding.Memory { return x.ctx.Memory() }

// Limits implements engine.Executor. The cells are those asked for, rounded up by llama.cpp to a
// multiple of 256.
func (x *Executor) Limits() engine.Limits {
	return engine.Limits{
		Sequences:  x.options.Sequences,
		Cells:      x.ctx.Cells(),
		Batch:      x.ctx.Batch(),
		Vocabulary: x.model.VocabularySize(),
		CopyIsFree: true,
	}
}

// Step implements engine.Executor. A codec that is gone is base.ErrPluginGone, from then on.
func (x *Executor) Step(items []engine.Item) error {
	if x.live != nil {
		if err := x.live.begin(items); err != nil {
			return err
		}
	}
	if x.features != nil {
		x.features.begin(len(items))
	}
	x.ctx.Clear()
	for i := range items {
		it := &items[i]
		x.ctx.Add(it.Token, it.Pos, int32(it.Seq), it.Output)
	}
	err := x.decode(x.ctx)
	if x.live != nil && !errors.Is(err, engine.ErrNoCells) && !errors.Is(err, engine.ErrInterrupted) {
		err = x.live.end(err)
	}
	if err == nil || errors.Is(err, engine.ErrNoCells) {
		return err
	}
	x.undo(items)
	return err
}

// decode waits for its turn and computes what was added to ctx.
func (x *Executor) decode(ctx *binding.Context) error {
	err := compute.Do(ctx.Decode)
	x.interrupt.Lower()
	switch {
	case errors.Is(err, binding.ErrNoCells):
		return engine.ErrNoCells
	case errors.Is(err, binding.ErrInterrupted):
		return engine.ErrInterrupted
	}
	return err
}

// undo forgets what a failed step may have left behind.
func (x *Executor) undo(items []engine.Item) {
	const none = -1
	for i := range x.starts {
		x.starts[i] = none
	}
	for _, it := range items {
		if x.starts[it.Seq] == none {
			x.starts[it.Seq] = it.Pos
		}
	}
	for seq, from := range x.starts {
		if from != none {
			x.ctx.RemoveCells(int32(seq), from, -1)
		}
	}
}

// Logits implements engine.Executor.
func (x *Executor) Logits(n int) []float32 { return x.ctx.Logits(n) }

// SeqRemove implements engine.Executor.
func (x *Executor) SeqRemove(seq engine.SeqID, from, to int32) bool {
	if from > 0 && !x.holds(seq, from) {
		return false
	}
	return x.ctx.RemoveCells(int32(seq), from, to)
}

// holds says whether all that a token at position to looks back on is still there. llama.cpp gives cells
// of layers with a sliding window to others once the window of their own sequence has passed them, in a
// cache of full size too.
func (x *Executor) holds(seq engine.SeqID, to int32) bool {
	window := int32(x.model.Window())
	return window == 0 || x.ctx.FirstPosition(int32(seq)) <= max(0, to-window)
}

// SeqCopy implements engine.Executor. The cells are shared, not copied. A running state has no
// cells to share.
func (x *Executor) SeqCopy(src, dst engine.SeqID, to int32) bool {
	if x.model.Recurrent() || !x.holds(src, to) {
		return false
	}
	x.ctx.ShareCells(int32(src), int32(dst), to)
	return true
}

// Interrupt implements engine.Executor.
func (x *Executor) Interrupt() { x.interrupt.Raise() }

// Warm runs the model once, so that the first request does not wait for its weights to be read,
// and leaves the cache empty. A model whose keys and values cannot be got at is base.ErrUnsupported
// with Options.Live.
func (x *Executor) Warm(token int32) error {
	x.ctx.SetWarmup(true)
	defer x.ctx.SetWarmup(false)
	return x.learn(token)
}

// learn runs the model once, finds out which nodes of its graph are tapped, and leaves the cache
// empty. A graph that lacks some is base.ErrUnsupported.
func (x *Executor) learn(token int32) error {
	if x.taps != nil {
		x.taps.Learn()
	}
	x.ctx.Clear()
	x.ctx.Add(token, 0, 0, true)
	defer x.ctx.ClearCache()
	if err := x.decode(x.ctx); err != nil || x.taps == nil {
		return err
	}
	if err := x.taps.Learned(); err != nil {
		return fmt.Errorf("%w: %w", base.ErrUnsupported, err)
	}
	return nil
}
