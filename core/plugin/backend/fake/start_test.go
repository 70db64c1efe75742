package fake_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/backendtest"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// buffer is a log that go-plugin writes while a test reads.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestProcessConformance(t *testing.T) {
	impl, info, err := backend.Dispense(t.Context(), host(t, command(t, fake.Config{}), io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	if info.Name != fake.Name || !info.Has(backend.CapScore) {
		t.Errorf("info %+v", info)
	}
	backendtest.Run(t, &backendtest.Env{
		Backend: impl,
		Path:    modelFile(t),
		Slow:    map[string]string{"tokens_per_second": "500"},
	})
}

func TestBadStarts(t *testing.T) {
	for start, want := range map[string]struct {
		text string
		is   error
	}{
		"exit":    {text: "Failed to read any lines from plugin's stdout"},
		"version": {text: "incompatible API version with plugin"},
		"kind":    {text: `it is a "codec" plugin`, is: base.ErrUnsupported},
	} {
		t.Run(start, func(t *testing.T) {
			_, _, err := backend.Dispense(t.Context(), host(t, command(t, fake.Config{Start: start}), io.Discard))
			if err == nil || !strings.Contains(err.Error(), want.text) || want.is != nil && !errors.Is(err, want.is) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestStartThatHangs(t *testing.T) {
	config := hostConfig(command(t, fake.Config{Start: "hang"}), io.Discard)
	config.StartTimeout = 300 * time.Millisecond
	c := plugin.NewClient(config)
	defer c.Kill()
	if _, _, err := backend.Dispense(t.Context(), c); err == nil || !strings.Contains(err.Error(), "timeout while waiting for plugin to start") {
		t.Errorf("got %v", err)
	}
}

func TestStartBadlyOnce(t *testing.T) {
	config := fake.Config{Start: "exit", Once: filepath.Join(t.TempDir(), "once")}
	if _, _, err := backend.Dispense(t.Context(), host(t, command(t, config), io.Discard)); err == nil {
		t.Error("the first start went well")
	}
	if _, _, err := backend.Dispense(t.Context(), host(t, command(t, config), io.Discard)); err != nil {
		t.Errorf("the second start: %v", err)
	}
}

func TestDeathOfTheProcess(t *testing.T) {
	for _, die := range []string{"exit", "kill"} {
		t.Run(die, func(t *testing.T) {
			config := fake.Config{Model: fake.ModelConfig{Die: die, AfterTokens: 5}}
			impl, _, err := backend.Dispense(t.Context(), host(t, command(t, config), io.Discard))
			if err != nil {
				t.Fatal(err)
			}
			load(t, impl, nil)
			tokens := 0
			err = impl.Generate(t.Context(), request(20), func(e backend.Event) error {
				tokens += len(e.Tokens)
				return nil
			})
			if !errors.Is(err, base.ErrPluginGone) || tokens > 5 {
				t.Errorf("%d tokens, %v", tokens, err)
			}
			if _, err := impl.Health(t.Context()); !errors.Is(err, base.ErrPluginGone) {
				t.Errorf("after: %v", err)
			}
		})
	}
}

func TestLogOfThePlugin(t *testing.T) {
	var log buffer
	c := host(t, command(t, fake.Config{Model: fake.ModelConfig{Fail: "panic"}}), &log)
	impl, _, err := backend.Dispense(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	load(t, impl, nil)
	if err := impl.Generate(t.Context(), request(2), ignoreEvents); err == nil || errors.Is(err, base.ErrPluginGone) {
		t.Errorf("got %v", err)
	}
	c.Kill() // flushes
	for _, want := range []string{"[ERROR]", "panic in plugin", "method=Generate", "told to panic", "generation"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, log.String())
		}
	}
}

// TestSignalsAreTheHosts sends what a terminal or a service manager sends to every process.
func TestSignalsAreTheHosts(t *testing.T) {
	cmd := command(t, fake.Config{})
	c := host(t, cmd, io.Discard)
	impl, _, err := backend.Dispense(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if h, err := impl.Health(t.Context()); err != nil || !h.OK {
			t.Fatalf("after %v: %+v, %v", s, h, err)
		}
	}
	c.Kill()
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the host asked the plugin to end: exit status %d", code)
	}
}

// envHost makes this test binary the host of the plugin at that path.
const envHost = "KAKEYA_FAKE_TEST_HOST"

// beHost starts the plugin, hands it the file that it was handed, tells that it runs, and waits
// to be killed.
func beHost(path string) {
	cmd := exec.Command(path)
	cmd.ExtraFiles = []*os.File{os.NewFile(3, "alive")}
	if _, _, err := backend.Dispense(context.Background(), plugin.NewClient(hostConfig(cmd, io.Discard))); err != nil {
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString("started\n")
	select {}
}

// TestNoOrphan kills the host. The pipe that host and plugin hold ends when both are gone.
func TestNoOrphan(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	alive, held, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = alive.Close() })
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envHost+"="+binary(t))
	cmd.ExtraFiles = []*os.File{held}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	started := make([]byte, len("started"))
	if _, err := io.ReadFull(out, started); err != nil {
		t.Fatalf("the host did not start its plugin: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := alive.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := alive.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the plugin outlives its host: %v", err)
	}
	_ = cmd.Wait() // it was killed
}
