package engine_test

import (
	"context"
	"sync/atomic"

	"github.com/kakeyad/kakeyad/core/decode/engine"
)

// gate lets a test hold an engine between steps: each Step waits for a pass, or for its
// interruption. Open, it lets all through.
type gate struct {
	entered chan []engine.Item // one send for each step that waits
	pass    chan error         // what the step is to answer
	open    atomic.Bool
}

func newGate() *gate { return &gate{entered: make(chan []engine.Item), pass: make(chan error)} }

func (g *gate) before(ctx context.Context, items []engine.Item) error {
	if g.open.Load() {
		return nil
	}
	select {
	case g.entered <- append([]engine.Item(nil), items...):
	case <-ctx.Done():
		return engine.ErrInterrupted
	}
	select {
	case err := <-g.pass:
		return err
	case <-ctx.Done():
		return engine.ErrInterrupted
	}
}

// next waits for a step to begin and returns its items; the step goes on with let.
func (g *gate) next() []engine.Item { return <-g.entered }

func (g *gate) let() { g.pass <- nil }

// release opens the gate; a step that waits inside must be let through first.
func (g *gate) release() { g.open.Store(true) }

// count returns how many items each sequence has.
func count(items []engine.Item) map[engine.SeqID]int {
	n := map[engine.SeqID]int{}
	for _, it := range items {
		n[it.Seq]++
	}
	return n
}
