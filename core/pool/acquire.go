package pool

import (
	"context"
	"fmt"
	"time"
)

// AcquireOptions say how to acquire. The zero value is right for most.
type AcquireOptions struct {
	// Progress is called as the thing loads, from the goroutine that called Acquire and so never
	// after it has returned. Steps that follow each other quickly may be skipped. May be nil.
	Progress func(Progress)

	// IdleTTL is how long the thing stays after its last lease. The last caller's word counts.
	// 0: the pool's; negative: for good.
	IdleTTL time.Duration

	// Spare takes what nobody else needs: nothing is unloaded or drained for the thing, and it is the
	// first to make room for others, until someone acquires it who does not say so. The error is
	// ErrNoRoom where others would have to make room for it.
	Spare bool
}

// Acquire returns a lease on the thing under the key. It waits for a load under way, or loads the
// thing and waits for room if there is none. If the context ends first, Acquire returns its cause;
// the load goes on as long as another caller waits for it.
//
// Errors: *TooLargeError, ErrNoRoom, ErrClosed, what the Loader returned (to all who waited; the next
// caller tries again), the context's cause.
func (p *Pool[T]) Acquire(ctx context.Context, key string, o AcquireOptions) (*Lease[T], error) {
	var told Progress
	p.mu.Lock()
	defer p.mu.Unlock()
	if !o.Spare {
		p.policy.hit(p.policy.id(key))
	}
	var joined *entry[T] // the load that this caller waits for
	for {
		if joined != nil && joined.state == stateGone && joined.err == nil {
			p.leave(joined) // it died before we had our lease: try the next one
			joined = nil
		}
		if err := p.refusal(ctx, joined); err != nil {
			p.leave(joined)
			return nil, fmt.Errorf("acquire %q: %w", key, err)
		}
		if joined != nil && joined.state == StateReady {
			joined.waiters--
			return p.lease(joined, o), nil
		}
		watched := joined
		if joined == nil {
			if watched = p.entries[key]; watched == nil {
				watched = p.begin(key)
				watched.spare = true
			}
			watched.spare = watched.spare && o.Spare
			if watched.open() {
				if watched.state == StateReady {
					return p.lease(watched, o), nil
				}
				joined = watched
				joined.waiters++
			}
		}
		var tell func(Progress)
		if joined != nil && joined.progress != told {
			tell, told = o.Progress, joined.progress
		}
		p.wait(ctx, watched, tell)
	}
}

// wait unlocks the pool until the entry has changed or the context has ended. Before that it tells
// the entry's progress, if tell is not nil.
func (p *Pool[T]) wait(ctx context.Context, e *entry[T], tell func(Progress)) {
	changed, progress := e.changed, e.progress
	p.mu.Unlock()
	defer p.mu.Lock()
	if tell != nil {
		tell(progress)
	}
	select {
	case <-changed:
	case <-ctx.Done():
	}
}

// refusal says why a caller that waits for the entry, which may be nil, must give up.
func (p *Pool[T]) refusal(ctx context.Context, joined *entry[T]) error {
	switch {
	case p.closed:
		return ErrClosed
	case joined != nil && joined.err != nil:
		return joined.err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return nil
}

// lease takes a lease on a thing that is ready.
func (p *Pool[T]) lease(e *entry[T], o AcquireOptions) *Lease[T] {
	e.leases++
	e.expires = time.Time{}
	p.use(e)
	switch {
	case o.IdleTTL > 0:
		e.ttl = o.IdleTTL
	case o.IdleTTL < 0:
		e.ttl = 0
	default:
		e.ttl = p.options.IdleTTL
	}
	return &Lease[T]{pool: p, entry: e}
}

// leave takes a waiter that gave up off a load, which is cancelled when it was the last.
func (p *Pool[T]) leave(e *entry[T]) {
	if e == nil {
		return
	}
	e.waiters--
	if e.waiters == 0 && (e.state == StateWaiting || e.state == StateLoading) {
		e.cancelled = true
		e.cancel()
		return
	}
	p.settle(e)
}
