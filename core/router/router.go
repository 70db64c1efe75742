package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/pool"
	"github.com/kakeyad/kakeyad/core/session"
)

// Options of a router.
type Options struct {
	Plugins  Plugins
	Pool     pool.Options
	Set      *channel.Set
	Sessions *session.Store // of packed pages; nil: none are kept. The caller closes it after the router.
	Logger   *slog.Logger   // nil: slog.Default()

	// CallTimeout is how long a quick call of a plugin may take, such as packing a page; one that
	// takes longer hangs and is stopped. Long calls may take any time as long as they get on, see
	// vigil. 0: 30 s.
	CallTimeout time.Duration
}

// Router serves calls. Its methods are safe for concurrent use.
type Router struct {
	plugins  Plugins
	sessions *session.Store
	log      *slog.Logger
	pool     *pool.Pool[*model]
	models   *registry
	gates    gates
	counters counters
	traffic  traffic
	set      atomic.Pointer[channel.Set]
	patience time.Duration

	ctx      context.Context // ends at Close
	stop     context.CancelCauseFunc
	workers  sync.WaitGroup
	settling sync.Mutex   // held by the one worker that brings the pool in line with a set
	preloads atomic.Int64 // under way or to come
	closing  sync.Mutex   // guards closed
	closed   bool
}

// New returns a router, which begins to load the channels that ask for it. It must be closed.
func New(o Options) (*Router, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Pool.Logger == nil {
		o.Pool.Logger = o.Logger
	}
	r := &Router{plugins: o.Plugins, sessions: o.Sessions, log: o.Logger, models: newRegistry(), patience: o.CallTimeout}
	if r.patience <= 0 {
		r.patience = defaultPatience
	}
	r.ctx, r.stop = context.WithCancelCause(context.Background())
	p, err := pool.New(o.Pool, loader{r})
	if err != nil {
		r.stop(err)
		return nil, fmt.Errorf("router: %w", err)
	}
	r.pool = p
	r.Swap(o.Set)
	return r, nil
}

// Set returns the channels that new calls see.
func (r *Router) Set() *channel.Set { return r.set.Load() }

// Swap makes the set the one that new calls see and returns at once. Models that no channel of it
// stands for are let go when their last call has ended; those to be preloaded are loaded.
func (r *Router) Swap(set *channel.Set) {
	r.closing.Lock()
	defer r.closing.Unlock()
	if r.closed {
		return
	}
	r.set.Store(set)
	r.preloads.Add(1)
	r.workers.Go(func() {
		defer r.preloads.Add(-1)
		r.settle(set)
	})
}

// Ready says whether calls are taken and all preloading is over, well or badly.
func (r *Router) Ready() bool { return r.ctx.Err() == nil && r.preloads.Load() == 0 }

// Close refuses new calls, waits for those that run and unloads all models. When the context
// ends first, the running calls are ended with ErrClosed.
func (r *Router) Close(ctx context.Context) error {
	r.closing.Lock()
	already := r.closed
	r.closed = true
	r.closing.Unlock()
	if already {
		return nil
	}
	err := r.pool.Close(ctx)
	r.stop(ErrClosed)
	r.workers.Wait()
	if err != nil {
		return fmt.Errorf("router: close: %w", err)
	}
	return nil
}

// settle brings what is loaded in line with a set, unless a newer one has come meanwhile.
func (r *Router) settle(set *channel.Set) {
	r.settling.Lock()
	defer r.settling.Unlock()
	if r.set.Load() != set {
		return
	}
	pinned := map[string]bool{}
	for _, c := range set.All() {
		r.models.note(c)
		if c.Pin {
			pinned[c.LoadKey()] = true
			r.pool.Pin(c.LoadKey())
		}
	}
	for key, c := range r.models.noted() {
		if !pinned[key] {
			r.pool.Unpin(key)
		}
		if now, err := set.Resolve(c.Name); err == nil && now.LoadKey() == key {
			continue
		}
		if sharedKey(set, key) {
			continue
		}
		r.workers.Go(func() { r.letGo(key) })
	}
	for _, c := range set.All() {
		if c.Preload {
			r.preloads.Add(1)
			r.workers.Go(func() {
				defer r.preloads.Add(-1)
				r.preload(c)
			})
		}
	}
}

func sharedKey(set *channel.Set, key string) bool {
	for _, c := range set.All() {
		if c.LoadKey() == key {
			return true
		}
	}
	return false
}

// Unload lets go of the channel's model and returns when its memory is free. It waits for the calls
// that hold it; new ones load it again. pool.ErrNotLoaded: it was not loaded.
func (r *Router) Unload(ctx context.Context, c *channel.Channel) error {
	return r.pool.Evict(ctx, c.LoadKey())
}

// letGo unloads what no channel names any more, once nobody uses it.
func (r *Router) letGo(key string) {
	err := r.pool.Evict(r.ctx, key)
	if err != nil && !errors.Is(err, pool.ErrNotLoaded) && !errors.Is(err, pool.ErrClosed) && r.ctx.Err() == nil {
		r.log.Warn("cannot let go of a model", "model", key, "error", err)
	}
}

func (r *Router) preload(c *channel.Channel) {
	err := r.pool.Preload(r.ctx, c.LoadKey(), pool.AcquireOptions{IdleTTL: idle(c)})
	if err != nil && !errors.Is(err, pool.ErrClosed) && r.ctx.Err() == nil {
		r.log.Error("cannot preload a channel", "channel", c.Name, "error", err)
	}
}
