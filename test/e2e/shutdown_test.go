package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// leftovers lists sockets and temporary files below the folder that the daemon had for them, and the
// shared memory segments that appeared since before.
func leftovers(t *testing.T, dir string, shmBefore map[string]bool) []string {
	t.Helper()
	var left []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if entry.Type()&os.ModeSocket != 0 || (!entry.IsDir() && name != "kakeyad.yaml" && name != "addr" && !strings.HasPrefix(name, "data"+string(filepath.Separator))) {
			left = append(left, name)
		}
		return nil
	}))
	for name := range shared(t) {
		if !shmBefore[name] {
			left = append(left, "/dev/shm/"+name)
		}
	}
	return left
}

func shared(t *testing.T) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir("/dev/shm")
	require.NoError(t, err)
	names := make(map[string]bool)
	for _, entry := range entries {
		names[entry.Name()] = true
	}
	return names
}

// After SIGTERM in the middle of a stream nothing is left: no process, socket, file or shared memory.
func TestNothingIsLeftAfterStop(t *testing.T) {
	before := shared(t)
	d := start(t, oneModel)
	client := d.client()
	long := chatParams("Write a very long story about the sea.")
	long.MaxTokens = openai.Int(1500)
	stream := client.Chat.Completions.NewStreaming(t.Context(), long)
	defer stream.Close()
	require.True(t, stream.Next(), "%v", stream.Err())
	pids := children(t, d.cmd.Process.Pid)
	require.NotEmpty(t, pids)

	d.stop()
	require.NoError(t, d.err, "the daemon must exit with status 0")
	for _, pid := range pids {
		assert.False(t, alive(pid), "process %d is left", pid)
	}
	assert.Empty(t, leftovers(t, d.dir, before))
}

// Killed outright, the daemon takes its plugins with it.
func TestNoOrphanAfterKill(t *testing.T) {
	d := start(t, oneModel)
	client := d.client()
	_, err := client.Chat.Completions.New(t.Context(), chatParams("Hello"))
	require.NoError(t, err)
	pid := d.backendPID()
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGKILL))
	<-d.exited
	orphan := func() bool { return alive(pid) }
	require.Eventually(t, func() bool { return !orphan() }, patience, 10e6, "the backend outlived the daemon")
}
