//go:build unix

package link

import (
	"golang.org/x/sys/unix"
)

// socketBell is one end of a pair of sockets, which the lane owns. It is read by a thread that
// blocks: the runtime's poller takes several times as long to wake a goroutine.
type socketBell struct{ fd int }

// newSocketBell takes a descriptor over.
func newSocketBell(fd int) (bell, error) {
	timeout := unix.NsecToTimeval(int64(recheck))
	if err := unix.SetNonblock(fd, false); err != nil {
		return nil, err
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return nil, err
	}
	return &socketBell{fd}, nil
}

// socketPair makes a bell's two ends.
func socketPair() (mine, theirs int, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return 0, 0, err
	}
	unix.CloseOnExec(pair[0])
	unix.CloseOnExec(pair[1])
	return pair[0], pair[1], nil
}

// ring writes a byte. A buffer that is full has woken the other side already.
func (b *socketBell) ring() {
	_ = unix.Sendto(b.fd, []byte{1}, unix.MSG_DONTWAIT, nil)
}

func (b *socketBell) sleep(uint32) {
	var rung [64]byte
	_, _ = unix.Read(b.fd, rung[:])
}

func (b *socketBell) cut() { _ = unix.Shutdown(b.fd, unix.SHUT_RDWR) }

func (b *socketBell) close() { _ = unix.Close(b.fd) }
