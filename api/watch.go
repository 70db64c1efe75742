package api

import (
	"net"
	"time"
)

// watchAfter is how long a request runs before its connection is watched. Watching takes a goroutine and some switches
// between threads, which is most of what a short request would cost here.
const watchAfter = 20 * time.Millisecond

// watch calls gone when the peer closes the connection while a request runs, and returns a function that ends the
// watching and waits until it has ended. It begins after watchAfter, and sees what happened before. See watchNow for
// what counts as closing.
func watch(conn net.Conn, gone func()) (stop func()) {
	var end func()
	begun := make(chan struct{})
	timer := time.AfterFunc(watchAfter, func() {
		end = watchNow(conn, gone)
		close(begun)
	})
	return func() {
		if timer.Stop() {
			return
		}
		<-begun
		end()
	}
}
