// Package pool keeps things that are costly to load and costly to keep, within a budget of bytes.
//
// # What it promises
//
// A caller acquires a thing by its key and holds a [Lease] on it until it releases it. Callers
// that ask for one key share one thing: it is loaded once, however many wait for it, and there
// are never two of it. A leased thing is never unloaded. A thing with no lease stays until its
// idle time is over, until room is needed for another, or until [Pool.Evict] or [Pool.Close].
// Each thing that was loaded is unloaded exactly once.
//
// # Room
//
// The bytes of all things, from the moment a load begins to the moment an unload has ended, stay
// within the budget, as far as estimates are right. When there is no room, unleased things are
// unloaded; when those are not enough, leased ones are drained: they give no new leases and are
// unloaded when the last one ends. Loads get room in the order in which they asked for it, except
// that a later one may go first where that takes nothing from an earlier one. A caller that
// holds a lease and acquires another thing may wait for itself: bound it with a context.
//
// # Policy
//
// The pool's own map, under one lock, is the truth about what exists. A ristretto cache is told of the
// things that have no lease, costed in bytes, and advises which of them are worth least: it
// counts how often each key was asked for. Its advice may be late, missing or refused; what then
// goes first is what was used longest ago. See plan.go for the decision, which is a pure function,
// and policy.go for the advice.
package pool

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Loader loads things. It is called from many goroutines, never for one key at the same time.
type Loader[T any] interface {
	// Estimate says how many bytes the thing will need, before it is loaded. An estimate that is
	// too low lets the pool exceed its budget until the load has ended.
	Estimate(ctx context.Context, key string) (bytes int64, err error)

	// Load loads the thing. The context ends when nobody waits for it any more. Progress may be
	// called from any goroutine until Load returns; later calls are ignored.
	Load(ctx context.Context, key string, progress func(Progress)) (Loaded[T], error)
}

// Progress is a step of loading.
type Progress struct {
	Stage    string
	Fraction float32 // of the whole, from 0 to 1
}

// Loaded is a thing and what the pool needs to know of it.
type Loaded[T any] struct {
	Value T
	Bytes int64 // that it holds

	// Gone closes when the thing has died by itself and its bytes are free. The pool then forgets
	// it at once and loads it again when it is next asked for. May be nil.
	Gone <-chan struct{}

	// Unload frees the thing. It is called once, when no lease is left, also after Gone. May be nil.
	Unload func(context.Context) error
}

// Options of a pool. The zero value of a field means what its comment says.
type Options struct {
	Budget        int64         // bytes; 0: DefaultBudget()
	IdleTTL       time.Duration // how long a thing stays without a lease; 0: for good
	UnloadTimeout time.Duration // bound of one Unload; 0: 30 seconds
	Logger        *slog.Logger  // nil: slog.Default()
}

// Pool holds loaded things. Its methods are safe for concurrent use.
type Pool[T any] struct {
	loader  Loader[T]
	options Options
	log     *slog.Logger

	base    context.Context // parent of all loads; ends at Close
	stop    context.CancelFunc
	kick    chan struct{} // tells the janitor of an earlier expiry
	workers sync.WaitGroup

	mu      sync.Mutex
	entries map[string]*entry[T]   // what exists, by key
	dying   map[*entry[T]]struct{} // gone by themselves, still leased or in Unload
	queue   []*entry[T]            // wait for room, first come first
	pins    map[string]struct{}    // keys
	used    int64                  // bytes of all entries
	drains  int                    // entries that drain
	turns   int64                  // uses counted
	policy  *policy
	armed   time.Time // when the janitor looks next; zero: it sleeps
	closed  bool
	empty   chan struct{} // closed when the pool is closed and nothing is left
	counts  Counts
}

// New returns a pool. It must be closed.
func New[T any](o Options, l Loader[T]) (*Pool[T], error) {
	if o.Budget == 0 {
		o.Budget = DefaultBudget()
	}
	if o.Budget < 0 || o.IdleTTL < 0 || o.UnloadTimeout < 0 {
		return nil, fmt.Errorf("pool: budget %d, idle TTL %v and unload timeout %v must not be negative", o.Budget, o.IdleTTL, o.UnloadTimeout)
	}
	if o.UnloadTimeout == 0 {
		o.UnloadTimeout = 30 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	advice, err := newPolicy(o.Budget)
	if err != nil {
		return nil, fmt.Errorf("pool: %w", err)
	}
	p := &Pool[T]{
		loader:  l,
		options: o,
		log:     o.Logger,
		kick:    make(chan struct{}, 1),
		entries: make(map[string]*entry[T]),
		dying:   make(map[*entry[T]]struct{}),
		pins:    make(map[string]struct{}),
		policy:  advice,
		empty:   make(chan struct{}),
	}
	p.base, p.stop = context.WithCancel(context.Background())
	p.workers.Go(p.expireIdle)
	return p, nil
}

// Pin keeps what is or will be loaded under the key from being unloaded for want of room or of
// use. The pin belongs to the key and outlives the thing. It loads nothing: see [Pool.Preload].
func (p *Pool[T]) Pin(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pins[key] = struct{}{}
	p.schedule()
}

// Unpin takes the pin away. The idle time of the thing begins now.
func (p *Pool[T]) Unpin(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pins, key)
	if e := p.entries[key]; e != nil && e.idle() {
		p.becameIdle(e)
	}
	p.schedule()
}

// Preload loads the thing under the key, if it is not there, and leaves it without a lease.
func (p *Pool[T]) Preload(ctx context.Context, key string, o AcquireOptions) error {
	lease, err := p.Acquire(ctx, key, o)
	if err != nil {
		return err
	}
	lease.Release()
	return nil
}

func (p *Pool[T]) pinned(key string) bool {
	_, ok := p.pins[key]
	return ok
}
