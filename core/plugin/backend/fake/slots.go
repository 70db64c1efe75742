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
	free    chan struct{} // one for each slot that is free
	options backend.LoadOptions

	mu     sync.Mutex
	held   []session
	parker parker
	stats  backend.Stats
}

func newSlots(o backend.LoadOptions) *slots {
	s := &slots{free: make(chan struct{}, o.Parallel), options: o, held: make([]session, o.Parallel), parker: newParker()}
	for range o.Parallel {
		s.free <- struct{}{}
	}
	return s
}

// acquire returns a slot, or ErrBusy when the queue is full, or the context's cause.
func (s *slots) acquire(ctx context.Context) (int, error) {
	s.mu.Lock()
	select {
	case <-s.free:
		defer s.mu.Unlock()
		return s.occupy(), nil
	default:
	}
	if s.stats.Waiting >= s.options.Queue {
		s.mu.Unlock()
		return 0, fmt.Errorf("%w: %d requests run and %d wait", base.ErrBusy, s.options.Parallel, s.options.Queue)
	}
	s.stats.Waiting++
	s.mu.Unlock()

	var err error
	select {
	case <-s.free:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Waiting--
	if err != nil {
		return 0, err
	}
	return s.occupy(), nil
}

// occupy takes the free slot that was used longest ago.
func (s *slots) occupy() int {
	slot := s.oldest()
	s.held[slot].busy = true
	s.stats.Active++
	return slot
}

// oldest is the free slot that was used longest ago, -1 when there is none.
func (s *slots) oldest() int {
	at := -1
	for i := range s.held {
		if !s.held[i].busy && (at < 0 || s.held[i].idle.Before(s.held[at].idle)) {
			at = i
		}
	}
	return at
}

// match says how many tokens of a prompt some slot holds for a scope, and the state after them. The
// last one is always computed.
func (s *slots) match(scope string, prompt []backend.Token) (int, history) {
	s.mu.Lock()
	defer s.mu.Unlock()
	best, state := 0, history{}
	for _, held := range s.held {
		if held.scope != scope {
			continue
		}
		n := 0
		for n < min(len(held.tokens), len(prompt)-1) && held.tokens[n] == prompt[n] {
			n++
		}
		if n > best {
			best, state = n, held.at(n)
		}
	}
	return best, state
}

// usage is what one request took.
type usage struct {
	prompt, cached, output int
	busy                   time.Duration
}

// release frees a slot. left stays behind in it for others; without tokens it is what it held.
func (s *slots) release(slot int, left session, u usage) {
	s.mu.Lock()
	s.held[slot].busy = false
	if left.tokens != nil {
		s.queue(s.held[slot])
		s.held[slot] = left
		s.held[slot].idle = time.Now()
	}
	s.parker.signal()
	s.stats.Active--
	s.stats.Requests++
	s.stats.PromptTokens += int64(u.prompt - u.cached)
	s.stats.CachedTokens += int64(u.cached)
	s.stats.OutputTokens += int64(u.output)
	s.stats.Steps += int64(u.output)
	s.stats.StepTokens += int64(u.prompt - u.cached + max(u.output-1, 0))
	s.stats.Busy += u.busy
	s.mu.Unlock()
	s.free <- struct{}{}
}

func (s *slots) snapshot() backend.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Slots, out.Cells = s.options.Parallel, s.options.CacheTokens
	for _, held := range s.held {
		out.CellsUsed += len(held.tokens)
	}
	out.CellsUsed = min(out.CellsUsed, out.Cells)
	return out
}
