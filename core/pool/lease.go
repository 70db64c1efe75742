package pool

import (
	"sync/atomic"
	"time"
)

// Lease is a hold on a thing, which is not unloaded before Release. It may still die by itself:
// see Gone.
type Lease[T any] struct {
	pool     *Pool[T]
	entry    *entry[T]
	released atomic.Bool
}

// Value returns the thing. Do not use it after Release.
func (l *Lease[T]) Value() T { return l.entry.loaded.Value }

// Gone closes when the thing has died by itself. It is nil, which blocks for ever, for a thing
// that cannot.
func (l *Lease[T]) Gone() <-chan struct{} { return l.entry.loaded.Gone }

// Release ends the lease. Calls after the first do nothing.
func (l *Lease[T]) Release() {
	if l.released.Swap(true) {
		return
	}
	p, e := l.pool, l.entry
	p.mu.Lock()
	defer p.mu.Unlock()
	e.leases--
	p.use(e)
	p.settle(e)
}

// settle does what is due when a thing lost a lease or a waiter.
func (p *Pool[T]) settle(e *entry[T]) {
	_, dying := p.dying[e]
	switch {
	case e.busy():
	case dying:
		p.unload(e)
	case e.state != StateReady:
	case e.evicters > 0 || p.closed:
		p.unload(e)
	default:
		p.becameIdle(e)
		p.schedule()
	}
}

// becameIdle starts the idle time of a thing.
func (p *Pool[T]) becameIdle(e *entry[T]) {
	e.expires = time.Time{}
	if p.pinned(e.key) {
		return
	}
	if e.ttl > 0 {
		e.expires = time.Now().Add(e.ttl)
		p.wakeJanitor(e.expires)
	}
}
