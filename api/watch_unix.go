//go:build unix

package api

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watchNow calls gone when the peer closes the connection, and returns a function that ends the
// watching and waits until it has ended. Nothing is taken from the connection: the watcher waits
// for it to be readable and peeks. When the peer sends more instead of closing, which is a
// pipelined request, the watching ends, as there is no telling what comes behind.
//
// Under TLS it is an alert that says goodbye.
//
// A peer that only shuts down its sending side counts as gone, as it does for net/http.
func watchNow(conn net.Conn, gone func()) (stop func()) {
	inner, secure := conn.(interface{ NetConn() net.Conn })
	raw := rawConn(conn)
	if secure {
		raw = rawConn(inner.NetConn())
	}
	if raw == nil || conn.SetReadDeadline(time.Time{}) != nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var buf [recordHead]byte
		closed := false
		// The callback's false parks the goroutine in the poller until the connection is
		// readable or its deadline, which stop sets, has passed.
		err := raw.Read(func(fd uintptr) bool {
			n, _, err := unix.Recvfrom(int(fd), buf[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
			switch {
			case err == unix.EAGAIN || err == unix.EINTR:
				return false
			case err != nil || n == 0 || secure && isAlert(buf[:n]):
				closed = true
			}
			return true
		})
		if err == nil && closed {
			gone()
		}
	}()
	return func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		<-done
		_ = conn.SetReadDeadline(time.Time{})
	}
}

// recordHead is the size of what begins a TLS record: its type, its version and its length.
const recordHead = 5

// isAlert says whether a TLS record is an alert, with which a peer closes. In TLS 1.3 its type is
// hidden, but nothing else that a client sends is as short: 2 bytes, a type and a tag of 16.
func isAlert(head []byte) bool {
	const alert, data, hidden = 21, 23, 2 + 1 + 16
	return len(head) == recordHead && (head[0] == alert || head[0] == data && int(head[3])<<8|int(head[4]) == hidden)
}

func rawConn(conn net.Conn) syscall.RawConn {
	s, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}
