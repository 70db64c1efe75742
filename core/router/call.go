package router

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/pool"
)

// Call is a request's hold on a channel and its loaded model. Its methods are for one goroutine.
type Call struct {
	router   *Router
	channel  *channel.Channel
	lease    *pool.Lease[*model]
	gate     *gate
	scope    string
	deadline time.Time // zero: none
	spare    bool      // see Router.OpenSpare
	end      func()    // of its part in the router's traffic
	closed   bool
}

// KeepTo keeps what the call computes to calls of the same scope: neither in the backend's cache nor
// among parked conversations does another scope find it. Everybody shares the scope "", which a call
// has at first.
func (c *Call) KeepTo(scope string) { c.scope = scope }

// Open resolves a name, where it stands for two channels to the first, and leases its model, which is loaded first if need be. The channel's
// limits on open requests and on time count from here. Close the call when Open succeeded.
//
// Errors: *channel.UnknownError, base.ErrBusy (the channel's limit), ErrTimeout, ErrClosed, and
// those of loading: base.ErrPluginGone, backend.ErrModelFile, pool.ErrTooLarge and so on.
func (r *Router) Open(ctx context.Context, name string) (*Call, error) {
	c, err := r.set.Load().Resolve(name)
	if err != nil {
		return nil, err
	}
	return r.OpenChannel(ctx, c.First())
}

// OpenChannel is Open for a channel that the caller has, in the set or not. It is not two.
func (r *Router) OpenChannel(ctx context.Context, c *channel.Channel) (*Call, error) {
	r.traffic.enter()
	call := &Call{router: r, channel: c, end: r.traffic.leave}
	if err := call.open(ctx); err != nil {
		return nil, err
	}
	return call, nil
}

// open takes a place and leases the model. A call that cannot be opened has ended.
func (c *Call) open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			c.end()
		}
	}()
	if c.gate, err = c.router.gates.enter(c.channel); err != nil {
		return err
	}
	if limit := c.channel.Limits.Timeout; limit > 0 {
		c.deadline = time.Now().Add(limit)
	}
	ctx, done := c.bound(ctx)
	defer done()
	if c.lease, err = c.router.acquire(ctx, c.channel, c.spare); err != nil {
		c.gate.leave()
		return c.explain(ctx, err)
	}
	return nil
}

// acquire leases the channel's model. A lease on one that died a moment ago is given back.
func (r *Router) acquire(ctx context.Context, c *channel.Channel, spare bool) (*pool.Lease[*model], error) {
	r.models.note(c)
	for {
		lease, err := r.pool.Acquire(ctx, c.LoadKey(), pool.AcquireOptions{IdleTTL: idle(c), Spare: spare})
		if errors.Is(err, pool.ErrClosed) {
			return nil, ErrClosed
		}
		if err != nil {
			return nil, err
		}
		if lease.Value().life.Err() == nil {
			return lease, nil
		}
		lease.Release()
		select {
		case <-lease.Gone(): // the pool loads it anew
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// idle is the channel's idle time as the pool has it.
func idle(c *channel.Channel) time.Duration {
	if c.TTL <= 0 {
		return -1
	}
	return c.TTL
}

// Channel returns what the call was opened on.
func (c *Call) Channel() *channel.Channel { return c.channel }

// Model returns what is known of the loaded model.
func (c *Call) Model() backend.ModelInfo { return c.lease.Value().info }

// Close ends the call. Calls after the first do nothing.
func (c *Call) Close() {
	if c.closed {
		return
	}
	c.closed = true
	c.lease.Release()
	c.gate.leave()
	c.end()
}

// bound returns a context that ends with the call's time and with the router.
func (c *Call) bound(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(c.router.ctx, func() { cancel(ErrClosed) })
	if c.deadline.IsZero() {
		return ctx, func() { release(); cancel(nil) }
	}
	timed, stop := context.WithDeadlineCause(ctx, c.deadline, timeoutError(c.channel.Limits.Timeout))
	return timed, func() { stop(); release(); cancel(nil) }
}

// explain puts why the context ended in the place of an error that only says that it did.
func (c *Call) explain(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		if errors.Is(err, context.DeadlineExceeded) && !c.deadline.IsZero() { // the backend's clock was first
			return timeoutError(c.channel.Limits.Timeout)
		}
		return err
	}
	cause := context.Cause(ctx)
	if errors.Is(err, cause) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(cause, ErrTimeout) || errors.Is(cause, ErrClosed) {
		return cause
	}
	return err
}

// generate runs one request on the leased model, for whose prompt something may have been restored.
func (c *Call) generate(ctx context.Context, req backend.GenerateRequest, from restored, emit func(backend.Event) error) error {
	ctx, done := c.bound(ctx)
	defer done()
	m := c.lease.Value()
	req.Model, req.Scope = m.id, c.scope
	drafter := m.binding(base.KindDrafter)
	counted := c.router.counters.of(c.channel.Name)
	if c.spare {
		counted = &counter{} // whoever opened it counts
	}
	counted.began()
	limit := c.channel.Limits.MaxPromptTokens
	err := m.strict.Generate(ctx, req, func(e backend.Event) error {
		if e.Prompt != nil && limit > 0 && e.Prompt.Tokens > limit {
			return &backend.ContextFullError{Requested: e.Prompt.Tokens, Available: limit}
		}
		if e.Final != nil {
			e.Final.RestoredTokens, e.Final.Timings.Restore = from.tokens, from.took
			m.shelf.computed(e.Final)
			counted.tokens(e.Final)
			drafter.answer(e.Final.Draft)
		}
		return emit(e)
	})
	err = c.failure(ctx, err)
	counted.ended(err)
	return err
}

// failure is what a call of the backend that failed comes to. When a plugin has died the model is
// lost, and what comes back says which.
func (c *Call) failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = c.explain(ctx, c.lease.Value().blame(err))
	gone := errors.Is(err, base.ErrPluginGone)
	if !gone && !errors.Is(err, backend.ErrModelNotLoaded) {
		return err
	}
	m := c.lease.Value()
	if !c.awaitGone(ctx) && gone && len(m.bindings) > 0 {
		m.end(err) // a link was cut, though both its ends live
	}
	if cause := context.Cause(m.life); errors.Is(cause, base.ErrPluginGone) {
		return cause
	}
	return fmt.Errorf("backend %q: %w", c.channel.Backend, err)
}

// awaitGone waits, though not for long, until the death that a call has met is known to the pool,
// so that the client's next call is not led to the same model. It says whether it is.
func (c *Call) awaitGone(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, goneTime)
	defer cancel()
	select {
	case <-c.lease.Gone():
		return true
	case <-ctx.Done():
		return false
	}
}

// goneTime is how long the death of a process takes to be known, at most, after a call has met it.
const goneTime = time.Second
