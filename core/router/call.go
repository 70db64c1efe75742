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
	deadline time.Time // zero: none
	closed   bool
}

// Open resolves a name and leases its model, which is loaded first if need be. The channel's
// limits on open requests and on time count from here. Close the call when Open succeeded.
//
// Errors: *channel.UnknownError, base.ErrBusy (the channel's limit), ErrTimeout, ErrClosed, and
// those of loading: base.ErrPluginGone, backend.ErrModelFile, pool.ErrTooLarge and so on.
func (r *Router) Open(ctx context.Context, name string) (*Call, error) {
	c, err := r.set.Load().Resolve(name)
	if err != nil {
		return nil, err
	}
	call := &Call{router: r, channel: c}
	if call.gate, err = r.gates.enter(c); err != nil {
		return nil, err
	}
	if c.Limits.Timeout > 0 {
		call.deadline = time.Now().Add(c.Limits.Timeout)
	}
	ctx, done := call.bound(ctx)
	defer done()
	if call.lease, err = r.acquire(ctx, c); err != nil {
		call.gate.leave()
		return nil, call.explain(ctx, err)
	}
	return call, nil
}

// acquire leases the channel's model. A lease on one that died a moment ago is given back.
func (r *Router) acquire(ctx context.Context, c *channel.Channel) (*pool.Lease[*model], error) {
	r.models.note(c)
	for {
		lease, err := r.pool.Acquire(ctx, c.LoadKey(), pool.AcquireOptions{IdleTTL: idle(c)})
		if errors.Is(err, pool.ErrClosed) {
			return nil, ErrClosed
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-lease.Gone():
			lease.Release()
		default:
			return lease, nil
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

// generate runs one request on the leased model.
func (c *Call) generate(ctx context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
	ctx, done := c.bound(ctx)
	defer done()
	m := c.lease.Value()
	req.Model = m.id
	counter := c.router.counters.of(c.channel.Name)
	counter.began()
	limit := c.channel.Limits.MaxPromptTokens
	err := m.instance.Generate(ctx, req, func(e backend.Event) error {
		if e.Prompt != nil && limit > 0 && e.Prompt.Tokens > limit {
			return &backend.ContextFullError{Requested: e.Prompt.Tokens, Available: limit}
		}
		if e.Final != nil {
			counter.tokens(e.Final)
		}
		return emit(e)
	})
	err = c.failure(ctx, err)
	counter.ended(err)
	return err
}

// failure is what a call of the backend that failed comes to.
func (c *Call) failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = c.explain(ctx, err)
	if errors.Is(err, base.ErrPluginGone) {
		c.awaitGone(ctx)
		return fmt.Errorf("backend %q: %w", c.channel.Backend, err)
	}
	return err
}

// awaitGone waits, though not for long, until the death that a call has met is known to the pool,
// so that the client's next call is not led to the same process.
func (c *Call) awaitGone(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	select {
	case <-c.lease.Gone():
	case <-ctx.Done():
	}
}
