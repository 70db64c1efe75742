package fake

import (
	"sync/atomic"
	"time"
)

// idle is the time between two calls from which on nothing was computed in it: a new request.
const idle = 50 * time.Millisecond

// drag makes whoever calls slower by a share of the time that it takes itself, however fast that is: each call
// computes for that share of the time since the last. It does not sleep, as a sleep is longer than it is told to be.
// The zero value drags nothing. It is safe for concurrent use, but only means something for one caller.
type drag struct{ last atomic.Int64 } // when the last call was let go, of the clock; 0: none was

var clock = time.Now()

// pull holds a call up.
func (d *drag) pull(share float64) {
	if share <= 0 {
		return
	}
	began := time.Since(clock)
	for until := began + due(began-time.Duration(d.last.Load()), share); time.Since(clock) < until; {
	}
	d.last.Store(int64(time.Since(clock)))
}

// due is how long to hold up a call that comes some time after the last.
func due(since time.Duration, share float64) time.Duration {
	if since >= idle {
		return 0
	}
	return time.Duration(share * float64(since))
}
