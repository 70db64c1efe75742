//go:build !linux

package host

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func requireNoProcess(t testing.TB, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		require.Error(t, p.Signal(syscall.Signal(0)), "process %d", pid)
	}
}

// envDaemon is for a test that only linux has.
const envDaemon = "KAKEYA_TEST_DAEMON"

func daemon() {}
