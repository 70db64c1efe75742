package engine

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// Defaults of [Options].
const (
	DefaultParallel     = 4
	DefaultPrefillChunk = 64
	DefaultQueue        = 256
)

// DeliverEvery is what backends set. Each event takes a core from the model in three processes, for
// some 0.3 ms together, which is a twentieth of a small model's step on two cores; nobody sees a
// token that is late by less than two frames of a screen.
const DeliverEvery = 25 * time.Millisecond

// Options are an engine's settings. Zero means the default.
type Options struct {
	Context      int // most tokens of one request, prompt and answer; 0: Limits.Cells
	Parallel     int // slots: requests decoded together
	Batch        int // most items of one step; 0: Limits.Batch
	PrefillChunk int // most prompt tokens of a step in which others generate; held between Parallel and Batch
	Queue        int // requests that may wait for a slot

	// DeliverEvery is how far apart a request's events are at least: a token waits for those that
	// are expected within that time of the last event. 0: each is an event. See [DeliverEvery].
	DeliverEvery time.Duration

	// Drafter proposes tokens that steps verify; nil: none. It is for this model, and the caller
	// closes it after the engine.
	Drafter drafter.Attachment
	Log     *slog.Logger // of what becomes of the drafter; nil: none

	// ParkAfter is how long a sequence is idle before it is parked, with executors that are a
	// [Parker]; 0: nothing is ever parked.
	ParkAfter time.Duration
}

// resolve fills in the defaults and refuses what the executor cannot do.
func (o Options) resolve(l Limits) (Options, error) {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Context, l.Cells)
	def(&o.Parallel, min(DefaultParallel, l.Sequences))
	def(&o.Batch, l.Batch)
	def(&o.PrefillChunk, DefaultPrefillChunk)
	def(&o.Queue, DefaultQueue)
	for _, c := range []struct {
		name             string
		value, low, high int
	}{
		{"context", o.Context, 2, l.Cells},
		{"parallel", o.Parallel, 1, l.Sequences},
		{"batch", o.Batch, o.Parallel, l.Batch},
		{"prefill chunk", o.PrefillChunk, 1, max(o.PrefillChunk, 1)},
		{"queue", o.Queue, 1, max(o.Queue, 1)},
	} {
		if c.value < c.low || c.value > c.high {
			return Options{}, fmt.Errorf("engine: %s of %d is not within %d to %d: %w", c.name, c.value, c.low, c.high, base.ErrInvalid)
		}
	}
	o.PrefillChunk = min(max(o.PrefillChunk, o.Parallel), o.Batch)
	return o, nil
}
