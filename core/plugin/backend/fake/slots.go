package fake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// slots admits so many requests at once, lets so many wait in order, counts, and remembers the
// tokens that each slot last held: what a later prompt shares with them is cached.
type slots struct {
	free    chan int // indices into held
	options backend.LoadOptions

	mu    sync.Mutex
	held  [][]backend.Token
	stats backend.Stats
}

func newSlots(o backend.LoadOptions) *slots {
	s := &slots{free: make(chan int, o.Parallel), options: o, held: make([][]backend.Token, o.Parallel)}
	for i := range o.Parallel {
		s.free <- i
	}
	return s
}

// acquire returns a slot, or ErrBusy when the queue is full, or the context's cause.
func (s *slots) acquire(ctx context.Context) (int, error) {
	s.mu.Lock()
	select {
	case slot := <-s.free:
		s.stats.Active++
		s.mu.Unlock()
		return slot, nil
	default:
	}
	if s.stats.Waiting >= s.options.Queue {
		s.mu.Unlock()
		return 0, fmt.Errorf("%w: %d requests run and %d wait", base.ErrBusy, s.options.Parallel, s.options.Queue)
	}
	s.stats.Waiting++
	s.mu.Unlock()

	var slot int
	var err error
	select {
	case slot = <-s.free:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Waiting--
	if err == nil {
		s.stats.Active++
	}
	return slot, err
}

// match says how many tokens of a prompt some slot holds. The last one is always computed.
func (s *slots) match(prompt []backend.Token) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := 0
	for _, held := range s.held {
		n := 0
		for n < min(len(held), len(prompt)-1) && held[n] == prompt[n] {
			n++
		}
		best = max(best, n)
	}
	return best
}

// usage is what one request took.
type usage struct {
	prompt, cached, output int
	busy                   time.Duration
}

// release frees a slot. tokens stay behind in it for others; nil leaves what it held.
func (s *slots) release(slot int, tokens []backend.Token, u usage) {
	s.mu.Lock()
	if tokens != nil {
		s.held[slot] = tokens
	}
	s.stats.Active--
	s.stats.Requests++
	s.stats.PromptTokens += int64(u.prompt - u.cached)
	s.stats.CachedTokens += int64(u.cached)
	s.stats.OutputTokens += int64(u.output)
	s.stats.Steps += int64(u.output)
	s.stats.StepTokens += int64(u.prompt - u.cached + max(u.output-1, 0))
	s.stats.Busy += u.busy
	s.mu.Unlock()
	s.free <- slot
}

func (s *slots) snapshot() backend.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Slots, out.Cells = s.options.Parallel, s.options.CacheTokens
	for _, held := range s.held {
		out.CellsUsed += len(held)
	}
	out.CellsUsed = min(out.CellsUsed, out.Cells)
	return out
}
