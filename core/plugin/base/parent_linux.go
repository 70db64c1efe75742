package base

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// signalWhenParentDies asks the kernel for a SIGTERM. A failure is no matter: the parent is
// polled too.
func signalWhenParentDies() {
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0)
}
