package pool

import (
	"cmp"
	"slices"
)

// schedule makes a plan and carries it out. It is called after each change that may give or take
// room.
func (p *Pool[T]) schedule() {
	if p.closed || len(p.queue) == 0 && p.used <= p.options.Budget && p.drains == 0 {
		return
	}
	advised := p.advice()
	residents := p.residents(advised)
	demands := make([]demand, len(p.queue))
	for i, e := range p.queue {
		demands[i] = demand{key: e.key, bytes: e.need, pinned: p.pinnedBytes(e.key), spare: e.spare}
	}
	todo := makePlan(p.options.Budget, residents, demands)

	p.drain(todo.drain)
	for _, key := range todo.unload {
		p.counts.Evictions++
		p.unload(p.entries[key])
	}
	for _, key := range todo.refuse {
		e := p.entries[key]
		e.err = &TooLargeError{Key: key, Bytes: e.need, Budget: p.options.Budget, Pinned: p.pinnedBytes(key)}
		if e.spare && e.need <= p.options.Budget-p.pinnedBytes(key) {
			e.err = ErrNoRoom
		}
		p.release(e)
	}
	for _, key := range todo.start {
		e := p.entries[key]
		e.state = StateLoading
		p.charge(e, e.need)
		p.release(e)
	}
}

// advice asks the policy which idle things should make room for the first in the queue.
func (p *Pool[T]) advice() map[uint64]struct{} {
	if len(p.queue) == 0 {
		return nil
	}
	var idle int64
	choice := make(map[uint64]int64)
	for _, e := range p.entries {
		if e.idle() && !p.pinned(e.key) {
			idle += e.bytes
			choice[e.id] = e.bytes
		}
	}
	need := p.used + p.queue[0].need
	if need <= p.options.Budget || need-idle > p.options.Budget {
		return nil // none of them has to go, or all
	}
	return p.policy.advise(need-idle, choice)
}

// residents lists what holds bytes: what drains already, then what is spare, then what the policy advised,
// then the rest, each in the order of their last use.
func (p *Pool[T]) residents(advised map[uint64]struct{}) []resident {
	held := make([]*entry[T], 0, len(p.entries))
	for _, e := range p.entries {
		if e.state != StateWaiting {
			held = append(held, e)
		}
	}
	rank := func(e *entry[T]) int {
		if e.draining {
			return 0
		}
		if e.spare {
			return 1
		}
		if _, ok := advised[e.id]; ok {
			return 2
		}
		return 3
	}
	slices.SortFunc(held, func(a, b *entry[T]) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(a.turn, b.turn))
	})
	out := make([]resident, len(held))
	for i, e := range held {
		leaving := e.state == StateUnloading || e.state == StateReady && e.evicters > 0
		out[i] = resident{
			key:     e.key,
			bytes:   e.bytes,
			leaving: leaving,
			fixed:   e.state == StateLoading || p.pinned(e.key),
			busy:    e.busy(),
		}
	}
	return out
}

// drain closes these leased things to new leases, and opens all others again.
func (p *Pool[T]) drain(keys []string) {
	p.drains = len(keys)
	for _, e := range p.entries {
		now := slices.Contains(keys, e.key)
		if e.draining && !now {
			e.draining = false
			e.tell()
		}
		e.draining = now
	}
}

// release takes an entry out of the queue and lets its load go on.
func (p *Pool[T]) release(e *entry[T]) {
	p.queue = slices.DeleteFunc(p.queue, func(q *entry[T]) bool { return q == e })
	close(e.room)
	e.tell()
}

// pinnedBytes counts what pinned things other than the key's hold.
func (p *Pool[T]) pinnedBytes(except string) int64 {
	var n int64
	for key := range p.pins {
		if e := p.entries[key]; e != nil && key != except {
			n += e.bytes
		}
	}
	return n
}
