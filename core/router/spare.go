package router

import (
	"context"
	"sync"

	"github.com/kakeyad/kakeyad/core/channel"
)

// traffic counts the calls that somebody waits for, and ends those of which nobody does when there is
// one. The zero value is ready.
type traffic struct {
	mu     sync.Mutex
	open   int
	quiet  chan struct{} // closed when open becomes 0; nil while it is
	spares map[*Call]context.CancelCauseFunc
}

// enter counts a call, which spare ones make way for.
func (t *traffic) enter() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open++
	if t.quiet == nil {
		t.quiet = make(chan struct{})
	}
	for _, cancel := range t.spares {
		cancel(ErrPreempted)
	}
}

func (t *traffic) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open--; t.open == 0 {
		close(t.quiet)
		t.quiet = nil
	}
}

// join adds a spare call and returns nil, unless another call is open: then it returns what closes when
// none is.
func (t *traffic) join(c *Call, cancel context.CancelCauseFunc) (quiet <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open > 0 {
		return t.quiet
	}
	if t.spares == nil {
		t.spares = map[*Call]context.CancelCauseFunc{}
	}
	t.spares[c] = cancel
	return nil
}

func (t *traffic) part(c *Call) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.spares, c)
}

// OpenSpare opens a call for which nobody waits. It waits until no other call is open, never makes another
// model go, and its model is the first to go for others, unless they use it. The context that is returned
// ends with ErrPreempted as soon as another call opens: what the call does is to be done in it.
//
// Errors: those of OpenChannel, ErrPreempted when another call came as the model was loaded, and
// pool.ErrNoRoom.
func (r *Router) OpenSpare(ctx context.Context, c *channel.Channel) (*Call, context.Context, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	call := &Call{router: r, channel: c, spare: true}
	call.end = func() {
		r.traffic.part(call)
		cancel(nil)
	}
	for quiet := r.traffic.join(call, cancel); quiet != nil; quiet = r.traffic.join(call, cancel) {
		select {
		case <-quiet:
		case <-ctx.Done():
			cancel(nil)
			return nil, ctx, context.Cause(ctx)
		}
	}
	if err := call.open(ctx); err != nil {
		return nil, ctx, err
	}
	return call, ctx, nil
}
