package pool

import (
	"context"
	"time"
)

// State of a thing.
type State string

// The states, in their order. A thing that fails to load goes from any of the first two to nothing.
const (
	StateWaiting   State = "waiting" // for its estimate or for room
	StateLoading   State = "loading"
	StateReady     State = "ready"
	StateUnloading State = "unloading"

	stateGone State = "gone" // not in the pool any more
)

// entry is one life of a thing, from the first Acquire of its key to the end of its Unload. The
// pool's lock guards all fields but the first group.
type entry[T any] struct {
	key    string
	id     uint64 // of the key, for the policy
	ctx    context.Context
	cancel context.CancelFunc // ends the load
	room   chan struct{}      // closed when the load may begin
	left   chan struct{}      // closed when the thing leaves StateReady

	state     State
	need      int64 // bytes asked for, while waiting; negative before the estimate
	bytes     int64 // of the budget that it holds
	waiters   int   // that joined the load and will take a lease
	leases    int
	evicters  int  // callers of Evict that wait for it to go
	spare     bool // nobody needs it: see AcquireOptions
	draining  bool // gives no new leases; unloaded when the last one ends
	cancelled bool // nobody waits for its load any more; nobody joins
	unloaded  bool // Unload was begun
	err       error
	loaded    Loaded[T]
	progress  Progress
	ttl       time.Duration // 0: for good
	lastUsed  time.Time
	turn      int64         // of its last use: the pool counts them
	expires   time.Time     // zero: not by itself
	changed   chan struct{} // closed and replaced when anything above changed
}

// busy says whether someone holds the thing or is about to.
func (e *entry[T]) busy() bool { return e.leases+e.waiters > 0 }

// idle says whether the thing could be unloaded now.
func (e *entry[T]) idle() bool { return e.state == StateReady && !e.busy() }

// open says whether a caller may join or lease it.
func (e *entry[T]) open() bool {
	return e.err == nil && !e.cancelled && !e.draining && e.evicters == 0 && e.state != StateUnloading && e.state != stateGone
}

// use notes that the thing is used now.
func (p *Pool[T]) use(e *entry[T]) {
	p.turns++
	e.turn, e.lastUsed = p.turns, time.Now()
}

// tell wakes all who wait for a change.
func (e *entry[T]) tell() {
	close(e.changed)
	e.changed = make(chan struct{})
}
