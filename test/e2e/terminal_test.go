package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// terminal is a kakeyad that a person sits before.
type terminal struct {
	t      *testing.T
	tty    *os.File
	screen *syncBuffer // all that was written to it
	seen   int         // of screen
	exited chan error
}

func openTerminal(t *testing.T, dir string, args ...string) *terminal {
	t.Helper()
	cmd := exec.Command(filepath.Join(env.bin, "kakeyad"), args...)
	cmd.Env = append(os.Environ(), "KAKEYAD_DATA_DIR="+dir, "KAKEYAD_MODELS_DIR="+env.models, "TERM=xterm", "NO_COLOR=1", "HOME="+dir)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 200})
	require.NoError(t, err)
	x := &terminal{t: t, tty: tty, screen: &syncBuffer{}, exited: make(chan error, 1)}
	read := make(chan struct{})
	go func() {
		_, _ = io.Copy(x.screen, tty) // until the program has ended
		close(read)
	}()
	go func() { x.exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = tty.Close()
		<-read
	})
	return x
}

func (x *terminal) send(text string) {
	x.t.Helper()
	_, err := io.WriteString(x.tty, text)
	require.NoError(x.t, err)
}

// expect waits for a text that was not expected before.
func (x *terminal) expect(text string) {
	x.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if at := bytes.Index([]byte(x.screen.String())[x.seen:], []byte(text)); at >= 0 {
			x.seen += at + len(text)
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			require.FailNow(x.t, "waited in vain for "+text, "%q", x.screen.String())
		}
	}
}

func (x *terminal) awaitExit() {
	x.t.Helper()
	select {
	case err := <-x.exited:
		require.NoError(x.t, err)
	case <-time.After(patience):
		require.FailNow(x.t, "it did not end", "%q", x.screen.String())
	}
}

func TestRunInATerminal(t *testing.T) {
	d := start(t, oneModel)
	dir := t.TempDir()
	x := openTerminal(t, dir, "run", smollm2, "--url", d.url, "--set", "temperature=0", "--stats")
	x.expect("›")
	x.send("What is the capital of France?\r")
	x.expect("Paris")
	x.expect("prompt tokens cached")
	x.expect("›")

	x.send("Write a very long story about a needle.\r")
	x.expect("needle.")
	d.eventually("the generation to begin", func() bool { return d.active() == 1 })
	x.send("\x03")
	x.expect("stopped")
	d.eventually("the generation to end in the daemon", func() bool { return d.active() == 0 })
	x.expect("›")

	x.send("\"\"\"\rone\rtwo\"\"\"\r")
	x.expect("prompt tokens cached")
	x.expect("›")
	file := filepath.Join(dir, "saved.json")
	x.send("/save " + file + "\r")
	x.expect("6 messages saved")
	saved, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(saved), `"one\ntwo"`, "several lines are one message")
	x.expect("›")
	x.send("/nonsense\r")
	x.expect("there is no command /nonsense")
	x.expect("›")
	x.send("/exit\r")
	x.awaitExit()

	again := openTerminal(t, dir, "run", smollm2, "--url", d.url)
	again.expect("›")
	again.send("/load " + file + "\r")
	again.expect("6 messages")
	again.expect("›")
	again.send("\x04")
	again.awaitExit()
}

func (d *daemon) active() int {
	d.t.Helper()
	var stats struct {
		Models []struct{ Active int }
	}
	d.get("/v1/kakeya/stats", &stats)
	n := 0
	for _, m := range stats.Models {
		n += m.Active
	}
	return n
}

// A chat without a daemon brings its own, and leaves nothing behind.
func TestRunOnceWithoutADaemon(t *testing.T) {
	config := filepath.Join(t.TempDir(), "kakeyad.yaml")
	require.NoError(t, os.WriteFile(config, []byte(oneModel+"listen: 127.0.0.1:1\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), filepath.Join(env.bin, "kakeyad"), "run", smollm2, "--config", config, "--set", "temperature=0")
	cmd.Env = append(os.Environ(), "KAKEYAD_DATA_DIR="+t.TempDir(), "KAKEYAD_MODELS_DIR="+env.models)
	cmd.Stdin = strings.NewReader("What is the capital of France?\n")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, "%s", said.String())
	assert.Contains(t, string(out), "Paris")
	assert.NotContains(t, string(out), "daemon", "standard output has the answer alone")
	assert.Contains(t, said.String(), "one is started for this chat")
}
