package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// mailbox is all that callers and the loop share, the events of a request aside (see outbox).
type mailbox struct {
	interrupt func()        // makes a running step return soon
	wake      chan struct{} // holds one when there is news for the loop
	done      chan struct{} // closed when the loop has ended
	capacity  int           // most requests inside

	mu       sync.Mutex
	closed   bool
	arrivals []*request // submitted, not seen by the loop yet
	cancels  []*request // to be ended, not seen by the loop yet
	calls    []func(*loop)
	inside   int    // submitted and not ended
	last     uint64 // arrival number of the newest
	live     int    // requests in the running step that are still wanted
	stats    backend.Stats
}

func newMailbox(capacity int, interrupt func()) *mailbox {
	return &mailbox{
		interrupt: interrupt,
		wake:      make(chan struct{}, 1),
		done:      make(chan struct{}),
		capacity:  capacity,
	}
}

// submit hands a request to the loop, which from then on owns it.
func (m *mailbox) submit(r *request) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return fmt.Errorf("engine: %w", backend.ErrModelNotLoaded)
	case m.inside >= m.capacity:
		return fmt.Errorf("engine: %d requests at work or waiting, no more than %d may: %w", m.inside, m.capacity, base.ErrBusy)
	}
	m.last++
	r.arrival = m.last
	m.inside++
	m.arrivals = append(m.arrivals, r)
	m.signal()
	return nil
}

// cancel makes the loop end a request after the running step. A step that works for nobody else is
// interrupted.
func (m *mailbox) cancel(r *request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.cancelled {
		return
	}
	r.cancelled = true
	m.cancels = append(m.cancels, r)
	if r.stepping {
		if m.live--; m.live == 0 {
			m.interrupt()
		}
	}
	m.signal()
}

// post has the loop call f soon, unless it ends before.
func (m *mailbox) post(f func(*loop)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.calls = append(m.calls, f)
		m.signal()
	}
}

// watch cancels r when ctx is done. The caller calls what it returns when r has ended.
func (m *mailbox) watch(ctx context.Context, r *request) (release func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		m.cancel(r)
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// close refuses new requests and tells the loop to end the ones there are.
func (m *mailbox) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.live > 0 {
		m.interrupt()
	}
	m.signal()
}

func (m *mailbox) signal() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// mail is what the loop found in the mailbox.
type mail struct {
	arrivals, cancels []*request
	calls             []func(*loop)
	closed            bool
}

// collect empties the mailbox into in, whose slices it reuses. With wait it blocks until there is
// something, or for so long when it is not 0.
func (m *mailbox) collect(in *mail, wait bool, most time.Duration) {
	var timer <-chan time.Time
	if wait && most > 0 {
		t := time.NewTimer(most)
		defer t.Stop()
		timer = t.C
	}
	for {
		m.mu.Lock()
		in.arrivals = append(in.arrivals[:0], m.arrivals...)
		in.cancels = append(in.cancels[:0], m.cancels...)
		in.calls = append(in.calls[:0], m.calls...)
		in.closed = m.closed
		clear(m.arrivals)
		clear(m.cancels)
		clear(m.calls)
		m.arrivals, m.cancels, m.calls = m.arrivals[:0], m.cancels[:0], m.calls[:0]
		m.mu.Unlock()
		if !wait || in.closed || len(in.arrivals)+len(in.cancels)+len(in.calls) > 0 {
			return
		}
		select {
		case <-m.wake:
		case <-timer:
			wait = false
		}
	}
}

// begin declares whom the next step works for. False: for nobody any more, do not start it.
func (m *mailbox) begin(parts []part) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	for _, p := range parts {
		if p.r.cancelled {
			continue
		}
		p.r.stepping = true
		m.live++
	}
	return m.live > 0
}

// finish says that the step has ended.
func (m *mailbox) finish(parts []part) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range parts {
		p.r.stepping = false
	}
	m.live = 0
}

// publish makes the loop's counts visible to Stats.
func (m *mailbox) publish(s backend.Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stats = s
}

// leave publishes the counts and makes room for another request.
func (m *mailbox) leave(s backend.Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stats = s
	m.inside--
}

func (m *mailbox) snapshot() backend.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stats
	s.Waiting = m.inside - s.Active
	return s
}
