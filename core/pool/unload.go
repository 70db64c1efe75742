package pool

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// unload begins to free a thing that nobody holds. It does nothing when that was begun before.
func (p *Pool[T]) unload(e *entry[T]) {
	if e.unloaded {
		return
	}
	e.unloaded = true
	if e.state != stateGone {
		if e.state == StateReady {
			close(e.left)
		}
		e.state = StateUnloading
		e.tell()
	}
	p.workers.Go(func() { p.finish(e) })
}

// finish frees a thing and takes it out of the pool.
func (p *Pool[T]) finish(e *entry[T]) {
	if e.loaded.Unload != nil {
		ctx, cancel := context.WithTimeout(context.Background(), p.options.UnloadTimeout)
		defer cancel()
		if err := e.loaded.Unload(ctx); err != nil {
			p.log.Warn("unload failed; its memory is taken to be free", "key", e.key, "err", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Unloads++
	delete(p.dying, e)
	p.remove(e)
}

// remove takes an entry out of the map and its bytes off the account, when it still is there.
// Those who wait for it get its error, or without one, the next life of its key. Leases on it
// stay valid until they are released.
func (p *Pool[T]) remove(e *entry[T]) {
	if e.state != stateGone {
		if e.state == StateReady {
			close(e.left)
		}
		e.state = stateGone
		p.charge(e, 0)
		delete(p.entries, e.key)
		e.tell()
		p.schedule()
	}
	if p.closed && len(p.entries)+len(p.dying) == 0 {
		p.policy.close()
		close(p.empty)
	}
}

// charge sets the bytes of the budget that an entry holds.
func (p *Pool[T]) charge(e *entry[T], bytes int64) {
	p.used += bytes - e.bytes
	e.bytes = bytes
}

// Evict unloads the thing under the key. It gives no new leases, waits until the last one has
// ended and returns when the thing is gone; who asks for the key meanwhile gets the next life of
// it. A pin does not keep it, and stays. If the context ends first, the eviction is called off.
//
// Errors: ErrNotLoaded, the context's cause.
func (p *Pool[T]) Evict(ctx context.Context, key string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.entries[key]
	if e == nil {
		return fmt.Errorf("evict %q: %w", key, ErrNotLoaded)
	}
	e.evicters++
	p.settle(e)
	for e.state != stateGone {
		if ctx.Err() != nil {
			e.evicters--
			e.tell()
			return fmt.Errorf("evict %q: %w", key, context.Cause(ctx))
		}
		p.wait(ctx, e, nil)
	}
	return nil
}

// Close refuses new callers, cancels loads, waits for leases to end and unloads everything. If the
// context ends first, Close returns its cause and the keys still leased; they are unloaded when
// they are released. Close may be called again, to go on waiting.
func (p *Pool[T]) Close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		p.stop()
		for _, e := range p.entries {
			e.tell()
			p.settle(e)
		}
		if len(p.entries)+len(p.dying) == 0 {
			p.policy.close()
			close(p.empty)
		}
	}
	p.mu.Unlock()

	select {
	case <-p.empty:
		p.workers.Wait()
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var held []string
	for _, e := range p.entries {
		held = append(held, e.key)
	}
	for e := range p.dying {
		held = append(held, e.key)
	}
	slices.Sort(held)
	return fmt.Errorf("close pool: still held: %s: %w", strings.Join(held, ", "), context.Cause(ctx))
}
