package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parentScript is a program that runs a daemon: it holds a pipe to the daemon's standard input, which it never
// writes to, and repeats what the daemon says.
const parentScript = `coproc "$@" 2>&1; while read -r line <&"${COPROC[0]}"; do echo "$line"; done`

// launchUnderParent starts a daemon with --exit-with-parent. The process of what is returned is the parent, and
// exited closes when the daemon and its plugins have ended too.
func launchUnderParent(t *testing.T, config string) *daemon {
	t.Helper()
	d, addrFile := spawn(t, shortDir(t), config, []string{"bash", "-c", parentScript, "parent"}, "--exit-with-parent")
	t.Cleanup(func() { _ = d.cmd.Process.Kill() })
	d.url = "http://" + d.awaitFile(addrFile)
	d.waitReady()
	return d
}

// Of a program that is killed outright while its daemon answers, no daemon is left, no plugin, socket or file: the
// daemon stops in order though nobody reads its log any more.
func TestEndsWithItsParent(t *testing.T) {
	before := shared(t)
	d := launchUnderParent(t, oneModel)
	client := d.client()
	long := chatParams("Write a very long story about the sea.")
	long.MaxTokens = openai.Int(1500)
	stream := client.Chat.Completions.NewStreaming(t.Context(), long, option.WithJSONSet("ignore_eos", true))
	defer stream.Close()
	require.True(t, stream.Next(), "%v", stream.Err())
	pids := children(t, d.cmd.Process.Pid)
	var names []string
	for _, pid := range pids {
		cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		require.NoError(t, err)
		names = append(names, string(cmdline))
	}
	require.Contains(t, strings.Join(names, " "), "kakeya-backend-llamacpp")

	require.NoError(t, d.cmd.Process.Signal(syscall.SIGKILL))
	for stream.Next() { // until the daemon ends it
	}
	require.Error(t, stream.Err(), "a stream that was cut short has to say so")
	for _, pid := range pids {
		require.Eventually(t, func() bool { return !alive(pid) }, patience, 10e6, "process %d outlived the parent", pid)
	}
	assert.Empty(t, leftovers(t, d.dir, before))
	_, err := http.Get(d.url + "/livez")
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
}
