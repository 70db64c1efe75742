package api

import (
	"net"
	"slices"
	"sync"
	"time"
)

// watchAfter is how long a request runs, at least, before its connection is watched; at most it is twice as long.
// Watching takes a goroutine and some switches between threads, which is most of what a short request would cost here.
const watchAfter = 20 * time.Millisecond

// watch watches over the connections of requests that take long. One timer serves all of them, and while requests
// keep coming it stays wound up: to set one for each wakes a thread. The zero value is ready.
type watch struct {
	mu      sync.Mutex
	waiting []*watched // oldest first
	armed   bool       // look will be called
	calls   int        // of over since the last look
}

// watched is a request's connection.
type watched struct {
	conn  net.Conn
	gone  func()
	since time.Time
	end   func() // ends the watching, and waits; nil before it has begun
}

// over calls gone when the peer closes the connection while a request runs, and returns a function that ends the
// watching and waits until it has ended. It begins after watchAfter, and sees what happened before. See watchNow for
// what counts as closing.
func (w *watch) over(conn net.Conn, gone func()) (stop func()) {
	this := &watched{conn: conn, gone: gone, since: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, this)
	w.calls++
	w.arm()
	return func() {
		if end := w.leave(this); end != nil {
			end()
		}
	}
}

// leave takes a connection out and returns what ends its watching, nil if that has not begun.
func (w *watch) leave(this *watched) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if this.end != nil {
		return this.end
	}
	if i := slices.Index(w.waiting, this); i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
	}
	return nil
}

func (w *watch) arm() {
	if !w.armed {
		w.armed = true
		time.AfterFunc(watchAfter, w.look)
	}
}

// look begins to watch the connections whose time has come.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, due := time.Now(), 0
	for ; due < len(w.waiting) && now.Sub(w.waiting[due].since) >= watchAfter; due++ {
		this := w.waiting[due]
		this.end = watchNow(this.conn, this.gone)
	}
	w.waiting = slices.Delete(w.waiting, 0, due)
	w.armed = false
	if w.calls > 0 {
		w.arm()
	}
	w.calls = 0
}
