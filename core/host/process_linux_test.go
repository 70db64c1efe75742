package host

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// requireNoProcess fails the test if there is a process, dead or alive.
func requireNoProcess(t testing.TB, pid int) {
	t.Helper()
	_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
	require.ErrorIs(t, err, os.ErrNotExist, "process %d", pid)
}

// envDaemon makes the test binary be a daemon with one plugin.
const envDaemon = "KAKEYA_TEST_DAEMON"

// daemon starts the plugin whose path the environment holds, says its process id, and waits.
func daemon() {
	h := New(Options{Plugins: []Spec{{Kind: base.KindBackend, Name: "fake", Path: os.Getenv(envDaemon)}}, TempDir: os.Getenv("TMPDIR")})
	if err := h.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	i, err := h.Plugin(context.Background(), base.KindBackend, "fake")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("plugin", i.PID)
	select {}
}

func TestPluginDiesWithTheDaemon(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envDaemon+"="+fakeBinary, "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	var pid int
	_, err = fmt.Sscanf(strings.TrimSpace(line), "plugin %d", &pid)
	require.NoError(t, err, line)
	handle, err := unix.PidfdOpen(pid, 0)
	require.NoError(t, err)
	defer unix.Close(handle)

	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, 30_000)
	require.NoError(t, err)
	require.Equal(t, 1, n, "the plugin lives on")
}

// A plugin that cannot even be asked to stop is killed when its time is over.
func TestStopKillsWhatHangs(t *testing.T) {
	f := newFixture(t, Options{Plugins: []Spec{fakeSpec(t, noFake)}, StopTimeout: 100 * time.Millisecond})
	i := f.backend(t)
	require.NoError(t, syscall.Kill(i.PID, syscall.SIGSTOP))
	require.NoError(t, f.Stop(t.Context()))
	requireGone(t, i)
}

func TestStopHurries(t *testing.T) {
	f := newFixture(t, Options{Plugins: []Spec{fakeSpec(t, noFake)}, StopTimeout: time.Hour})
	i := f.backend(t)
	require.NoError(t, syscall.Kill(i.PID, syscall.SIGSTOP))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, f.Stop(ctx))
	requireGone(t, i)
}

// A process that stands still does not answer its health check.
func TestStandstillIsNoticed(t *testing.T) {
	f := newFixture(t, Options{Plugins: []Spec{fakeSpec(t, noFake)}, HealthInterval: 10 * time.Millisecond, HealthTimeout: time.Second})
	i := f.backend(t)
	require.NoError(t, syscall.Kill(i.PID, syscall.SIGSTOP))
	requireGone(t, i)
	require.ErrorContains(t, f.await(t, StateDown).Error, "hangs")
	require.NotEqual(t, i.PID, f.backend(t).PID)
}

func TestResidentMemory(t *testing.T) {
	require.Positive(t, residentMemory(os.Getpid()))
	require.Zero(t, residentMemory(-1))
}
