package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/require"
)

// patience bounds every wait for an event. Nothing here asserts how long something took.
const patience = 2 * time.Minute

// daemon is a running bin/kakeyad.
type daemon struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string // its data_dir, temporary
	config string
	addr   string // host:port where it listens
	url    string // http://host:port of the witness before it
	log    *syncBuffer
	exited chan struct{} // closed when the process has been waited for
	err    error         // of Wait, after exited
}

// start writes the config, starts the daemon on a free port and waits until it is ready.
// The daemon is stopped, and must stop cleanly, when the test ends. Flags go to the command.
func start(t *testing.T, config string, flags ...string) *daemon {
	t.Helper()
	d := launch(t, config, flags...)
	d.waitReady()
	return d
}

// launch is start without waiting.
func launch(t *testing.T, config string, flags ...string) *daemon {
	t.Helper()
	return launchIn(t, shortDir(t), config, flags...)
}

// shortDir is a folder of its own whose path leaves room for sockets: those of t.TempDir have the test's name in them.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "kakeyad-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// again starts a daemon that has ended anew, with what it left on disk, and waits until it is ready.
func (d *daemon) again(config string) *daemon {
	d.t.Helper()
	require.NoError(d.t, os.Remove(filepath.Join(d.dir, "addr")))
	next := launchIn(d.t, d.dir, config)
	next.waitReady()
	return next
}

// spawn starts the process of a daemon, by the command under if there is one, and returns it with the file that
// will tell the daemon's address.
func spawn(t *testing.T, dir, config string, under []string, flags ...string) (d *daemon, addrFile string) {
	t.Helper()
	d = &daemon{
		t: t, dir: dir, log: &syncBuffer{}, exited: make(chan struct{}),
		config: filepath.Join(dir, "kakeyad.yaml"),
	}
	require.NoError(t, os.WriteFile(d.config, []byte(config), 0o600))
	addrFile = filepath.Join(dir, "addr")

	argv := slices.Concat(under, []string{
		filepath.Join(env.bin, "kakeyad"), "serve", "--config", d.config, "--listen", "127.0.0.1:0", "--addr-file", addrFile,
	}, flags)
	d.cmd = exec.Command(argv[0], argv[1:]...)
	d.cmd.Env = append(os.Environ(),
		"KAKEYAD_MODELS_DIR="+env.models,
		"KAKEYAD_DATA_DIR="+filepath.Join(dir, "data"),
		"TMPDIR="+dir,
	)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	require.NoError(t, d.cmd.Start())
	go func() {
		d.err = d.cmd.Wait()
		close(d.exited)
	}()
	return d, addrFile
}

func launchIn(t *testing.T, dir, config string, flags ...string) *daemon {
	t.Helper()
	d, addrFile := spawn(t, dir, config, nil, flags...)
	var w *witness
	t.Cleanup(func() {
		d.stop()
		if w != nil {
			w.close(t)
		}
		if t.Failed() {
			t.Logf("end of the daemon's log:\n%s", lastLines(d.log.String(), 25))
		}
	})
	d.addr = d.awaitFile(addrFile)
	scheme := "http://"
	if strings.Contains(config, "tls_cert") {
		scheme = "https://"
	}
	w = newWitness(t, scheme+d.addr)
	d.url = w.URL
	return d
}

// awaitFile waits for the daemon to write a file and returns its trimmed content.
func (d *daemon) awaitFile(path string) string {
	d.t.Helper()
	var content string
	d.eventually("the daemon to write "+filepath.Base(path), func() bool {
		b, err := os.ReadFile(path)
		content = strings.TrimSpace(string(b))
		return err == nil && content != ""
	})
	return content
}

func (d *daemon) waitReady() {
	d.t.Helper()
	d.eventually("/readyz", func() bool {
		resp, err := http.Get(d.url + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// eventually polls until the condition holds; it fails the test when the daemon dies first.
func (d *daemon) eventually(what string, condition func() bool) {
	d.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-d.exited:
			require.FailNow(d.t, "the daemon ended while waiting for "+what, "%v\n%s", d.err, d.log.String())
		case <-deadline:
			require.FailNow(d.t, "waited in vain for "+what, "%s", d.log.String())
		case <-tick.C:
		}
	}
}

// stop asks the daemon to stop as a service manager does, and waits for it.
func (d *daemon) stop() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		d.t.Errorf("SIGTERM: %v", err)
	}
	select {
	case <-d.exited:
	case <-time.After(patience):
		d.t.Errorf("the daemon did not stop on SIGTERM; log:\n%s", d.log.String())
		_ = d.cmd.Process.Kill()
		<-d.exited
	}
}

// client is openai-go, without its own retries: the tests want the first answer.
func (d *daemon) client() openai.Client {
	return openai.NewClient(option.WithBaseURL(d.url+"/v1"), option.WithAPIKey("unused"), option.WithMaxRetries(0))
}

// get decodes a JSON answer and returns the status.
func (d *daemon) get(path string, into any) int {
	d.t.Helper()
	resp, err := http.Get(d.url + path)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	if into != nil {
		require.NoError(d.t, json.Unmarshal(body, into), "%s: %s", path, body)
	}
	return resp.StatusCode
}

// post sends raw JSON and returns status and body: for what a typed client cannot send.
func (d *daemon) post(ctx context.Context, path, body string) (int, []byte) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+path, strings.NewReader(body))
	require.NoError(d.t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return resp.StatusCode, answer
}

// lastLines returns the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// syncBuffer is a bytes.Buffer that a process may write to while a test reads it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
