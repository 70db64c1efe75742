package pool

import (
	"cmp"
	"slices"
	"time"
)

// Status is what the pool knows of one thing.
type Status struct {
	Key      string
	State    State
	Bytes    int64 // of the budget that it holds; 0 while it waits for room
	Leases   int
	Waiters  int // callers of Acquire that wait for its load
	Pinned   bool
	Draining bool      // gives no new leases: room is needed, or it is being evicted
	LastUsed time.Time // of its last lease, or when its load was asked for
	Expires  time.Time // zero: it does not, for now
	Progress Progress  // of its load
}

// Counts are of all that happened since the pool was made.
type Counts struct {
	Loads     int64 // that succeeded
	Failures  int64 // loads that did not, those cancelled aside
	Unloads   int64
	Evictions int64 // unloaded to make room
	Expired   int64 // unloaded for want of use
	Died      int64 // by themselves
}

// Usage is the pool as a whole.
type Usage struct {
	Budget  int64 // bytes
	Used    int64 // of these
	Waiting int   // loads that wait for room
	Counts  Counts
}

// Status returns all things, by key.
func (p *Pool[T]) Status() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Status, 0, len(p.entries))
	for _, e := range p.entries {
		out = append(out, Status{
			Key:      e.key,
			State:    e.state,
			Bytes:    e.bytes,
			Leases:   e.leases,
			Waiters:  e.waiters,
			Pinned:   p.pinned(e.key),
			Draining: e.draining || e.evicters > 0,
			LastUsed: e.lastUsed,
			Expires:  e.expires,
			Progress: e.progress,
		})
	}
	slices.SortFunc(out, func(a, b Status) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// Usage returns the pool's figures.
func (p *Pool[T]) Usage() Usage {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Usage{Budget: p.options.Budget, Used: p.used, Waiting: len(p.queue), Counts: p.counts}
}
