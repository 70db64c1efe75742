package link

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// A lane in the shared memory, integers in the machine's order:
//
//	0   4  state
//	4   4  sleepers: sides that wait for the state to change
//	8   4  number of the call
//	12  4  bytes of the message
//	64     message
const (
	laneSize   = 512 << 10
	laneHeader = 64
)

// States of a lane. The dialling side writes when it is idle or answered, the serving side when it
// is asked.
const (
	laneIdle     = 0
	laneAsked    = 1
	laneAnswered = 2
	laneCut      = 3 // the link has ended; either side writes it
)

// recheck is how long a side sleeps at most before it looks whether the link still stands: a peer
// that breaks the protocol can keep a bell from being heard.
const recheck = time.Second

// spins is how often the state is looked at before going to sleep: some 200 ns, which only helps
// when the other side is already at its answer, and costs nothing worth measuring when it is not.
const spins = 100

// lane is one side's view of a lane.
type lane struct {
	index    uint32
	state    *uint32
	sleepers *uint32
	call     *uint32
	length   *uint32
	message  []byte
	bell     bell
}

// bell wakes the other side of a lane.
type bell interface {
	ring()
	// cut wakes both sides, now and whenever they sleep again while the state is laneCut.
	cut()
	// sleep returns when the bell rang, when the state is not the one given, after recheck, or for
	// no reason.
	sleep(state uint32)
	close() // when nobody rings or sleeps any more
}

// newLane looks at lane i of a mapping.
func newLane(mapping []byte, i int) *lane {
	mem := mapping[i*laneSize : (i+1)*laneSize : (i+1)*laneSize]
	word := func(at int) *uint32 { return (*uint32)(unsafe.Pointer(&mem[at])) }
	return &lane{
		index: uint32(i),
		state: word(0), sleepers: word(4), call: word(8), length: word(12),
		message: mem[laneHeader:],
	}
}

// set changes the state and wakes the other side if it sleeps. A lane that was cut stays so.
func (l *lane) set(state uint32) {
	for old := atomic.LoadUint32(l.state); ; old = atomic.LoadUint32(l.state) {
		if old == laneCut {
			return
		}
		if atomic.CompareAndSwapUint32(l.state, old, state) {
			break
		}
	}
	if atomic.LoadUint32(l.sleepers) != 0 {
		l.bell.ring()
	}
}

// cut ends the waiting of both sides.
func (l *lane) cut() {
	atomic.StoreUint32(l.state, laneCut)
	l.bell.cut()
}

// await returns when the state is the one wanted, true, or the link was cut, false. After so much
// patience, if any, it calls overdue once.
func (l *lane) await(want uint32, cut *atomic.Bool, patience time.Duration, overdue func()) bool {
	for range spins {
		if atomic.LoadUint32(l.state) == want {
			return !cut.Load()
		}
	}
	var began time.Time
	for {
		if cut.Load() {
			return false
		}
		switch {
		case patience == 0:
		case began.IsZero():
			began = time.Now()
		case time.Since(began) >= patience:
			overdue()
			patience = 0
			continue // an answer that comes with the cut is of the cut
		}
		state := atomic.LoadUint32(l.state)
		switch state {
		case want:
			return true
		case laneCut:
			return false
		}
		atomic.AddUint32(l.sleepers, 1)
		if atomic.LoadUint32(l.state) == state && !cut.Load() {
			l.bell.sleep(state)
		}
		atomic.AddUint32(l.sleepers, ^uint32(0))
	}
}

// put writes a message, which must fit.
func (l *lane) put(message []byte) {
	atomic.StoreUint32(l.length, uint32(copy(l.message, message)))
}

// take appends a copy of the message to b. False: its length cannot be.
func (l *lane) take(b []byte) ([]byte, bool) {
	n := atomic.LoadUint32(l.length)
	if n > uint32(len(l.message)) {
		return b, false
	}
	return append(b, l.message[:n]...), true
}
