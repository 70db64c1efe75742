package pool

import (
	"context"
	"fmt"
	"slices"
)

// begin makes the entry of a key that has none and starts its load.
func (p *Pool[T]) begin(key string) *entry[T] {
	e := &entry[T]{
		key:     key,
		id:      p.policy.id(key),
		room:    make(chan struct{}),
		left:    make(chan struct{}),
		state:   StateWaiting,
		need:    -1,
		changed: make(chan struct{}),
	}
	e.ctx, e.cancel = context.WithCancel(p.base)
	p.use(e)
	p.entries[key] = e
	p.workers.Go(func() { p.load(e) })
	return e
}

// load brings one entry from nothing to ready, or away again.
func (p *Pool[T]) load(e *entry[T]) {
	defer e.cancel()
	loaded, err := p.tryLoad(e)

	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed(e, err)
		return
	}
	p.counts.Loads++
	e.loaded = loaded
	p.charge(e, loaded.Bytes)
	if err := p.reject(e); err != nil {
		p.counts.Failures++
		e.err = err
		p.unload(e)
		return
	}
	e.state, e.cancelled = StateReady, false
	e.ttl = p.options.IdleTTL
	e.progress.Fraction = 1
	if loaded.Gone != nil {
		p.workers.Go(func() { p.watch(e) })
	}
	e.tell()
	p.settle(e)
	p.schedule()
}

// reject says why a thing that was just loaded cannot be kept.
func (p *Pool[T]) reject(e *entry[T]) error {
	select {
	case <-e.loaded.Gone:
		return ErrDied
	default:
	}
	if p.closed {
		return ErrClosed
	}
	if e.spare && p.used > p.options.Budget {
		return ErrNoRoom // it turned out larger than its estimate
	}
	if pinned := p.pinnedBytes(e.key); e.bytes > p.options.Budget-pinned {
		return &TooLargeError{Key: e.key, Bytes: e.bytes, Budget: p.options.Budget, Pinned: pinned}
	}
	return nil
}

// tryLoad estimates, waits for room and loads.
func (p *Pool[T]) tryLoad(e *entry[T]) (Loaded[T], error) {
	var none Loaded[T]
	need, err := p.loader.Estimate(e.ctx, e.key)
	if err != nil {
		return none, fmt.Errorf("estimate: %w", err)
	}
	if need < 0 {
		return none, fmt.Errorf("estimate: %d bytes", need)
	}
	if err := p.waitForRoom(e, need); err != nil {
		return none, err
	}
	loaded, err := p.loader.Load(e.ctx, e.key, func(step Progress) { p.report(e, step) })
	if err != nil {
		return none, fmt.Errorf("load: %w", err)
	}
	loaded.Bytes = max(loaded.Bytes, 0)
	return loaded, nil
}

// waitForRoom returns when the entry holds the bytes that it needs.
func (p *Pool[T]) waitForRoom(e *entry[T], need int64) error {
	p.mu.Lock()
	e.need = need
	p.queue = append(p.queue, e)
	p.schedule()
	p.mu.Unlock()

	select {
	case <-e.room:
	case <-e.ctx.Done():
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	if e.err != nil {
		return e.err
	}
	if e.state == StateWaiting {
		return context.Cause(e.ctx)
	}
	return nil
}

// report passes a step of a load on to all who wait for it.
func (p *Pool[T]) report(e *entry[T], step Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.state == StateLoading {
		e.progress = step
		e.tell()
	}
}

// failed ends an entry that was not loaded.
func (p *Pool[T]) failed(e *entry[T], err error) {
	if !e.cancelled && !p.closed {
		p.counts.Failures++
	}
	p.queue = slices.DeleteFunc(p.queue, func(q *entry[T]) bool { return q == e })
	e.err = err
	p.remove(e)
}

// watch forgets a thing as soon as it has died by itself.
func (p *Pool[T]) watch(e *entry[T]) {
	select {
	case <-e.left:
		return
	case <-e.loaded.Gone:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.state == StateReady {
		p.counts.Died++
		p.dying[e] = struct{}{}
		p.remove(e)
		p.settle(e)
	}
}
