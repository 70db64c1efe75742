package engine

import (
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// levelBox carries the distributions of a scoring from the loop, which never waits, to the caller.
type levelBox struct {
	ready chan struct{} // holds one when there is something

	mu     sync.Mutex
	queue  []backend.Levels
	unused []backend.Levels
}

func newLevelBox() *levelBox { return &levelBox{ready: make(chan struct{}, 1)} }

// put adds the distribution that logits stand for.
func (b *levelBox) put(logits []float32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var l backend.Levels
	if n := len(b.unused); n > 0 {
		l, b.unused = b.unused[n-1], b.unused[:n-1]
	}
	b.queue = append(b.queue, backend.NewLevels(l, logits))
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// drain hands out all that is there, in order.
func (b *levelBox) drain(emit func(backend.Levels) error) error {
	b.mu.Lock()
	queue := b.queue
	b.queue = nil
	b.mu.Unlock()
	for _, l := range queue {
		if err := emit(l); err != nil {
			return err
		}
	}
	b.mu.Lock()
	b.unused = append(b.unused, queue...)
	b.mu.Unlock()
	return nil
}
