package pool

import "time"

// expireIdle unloads things whose idle time is over, until the pool is closed.
func (p *Pool[T]) expireIdle() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.base.Done():
			return
		case <-p.kick:
		case <-timer.C:
		}
		p.mu.Lock()
		if next := p.expire(time.Now()); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		p.mu.Unlock()
	}
}

// expire unloads what is due and returns when the next thing is, or zero.
func (p *Pool[T]) expire(now time.Time) time.Time {
	p.armed = time.Time{}
	for _, e := range p.entries {
		switch {
		case e.expires.IsZero() || !e.idle() || p.pinned(e.key):
		case !e.expires.After(now):
			p.counts.Expired++
			p.unload(e)
		case p.armed.IsZero() || e.expires.Before(p.armed):
			p.armed = e.expires
		}
	}
	return p.armed
}

// wakeJanitor makes expireIdle look again if something expires before it would.
func (p *Pool[T]) wakeJanitor(expires time.Time) {
	if !p.armed.IsZero() && !expires.Before(p.armed) {
		return
	}
	p.armed = expires
	select {
	case p.kick <- struct{}{}:
	default:
	}
}
