package link

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// defaultBell is the quickest that this system has.
const defaultBell = BellFutex

func (b Bell) known() bool { return b == BellFutex || b == BellSocket }

// futexBell is the state of the lane itself.
type futexBell struct{ word *uint32 }

const (
	futexWait = 0
	futexWake = 1
	everyone  = 1<<31 - 1
)

func (b futexBell) ring() {
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(b.word)), futexWake, everyone, 0, 0, 0)
}

func (b futexBell) sleep(state uint32) {
	timeout := unix.NsecToTimespec(int64(recheck))
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(b.word)), futexWait, uintptr(state),
		uintptr(unsafe.Pointer(&timeout)), 0, 0)
}

func (b futexBell) cut() { b.ring() }

func (futexBell) close() {}

// newFutexBell makes the bell of a lane.
func newFutexBell(l *lane) bell { return futexBell{l.state} }
