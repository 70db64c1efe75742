package host

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// fakeBinary is the plugin that all tests run.
var fakeBinary string

func TestMain(m *testing.M) {
	if os.Getenv(envDaemon) != "" {
		daemon()
		return
	}
	dir, err := os.MkdirTemp("", "host")
	if err == nil {
		fakeBinary = filepath.Join(dir, binaryName(base.KindBackend, "fake"))
		var out []byte
		if out, err = exec.Command("go", "build", "-o", fakeBinary, "../plugin/backend/fake/kakeya-backend-fake").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// fakeSpec lists the fake plugin.
func fakeSpec(t testing.TB, c fake.Config) Spec {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	return Spec{Kind: base.KindBackend, Name: "fake", Path: fakeBinary, Env: map[string]string{fake.EnvConfig: string(text)}}
}

// fixture is a host with one plugin, named fake. The test's end stops it and checks that nothing is
// left.
type fixture struct {
	*Host
	events chan Event
	pids   map[int]bool // seen
}

func newFixture(t testing.TB, o Options) *fixture {
	t.Helper()
	f := &fixture{events: make(chan Event, 1000), pids: make(map[int]bool)}
	o.OnEvent = func(e Event) { f.events <- e }
	o.TempDir = t.TempDir()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	f.Host = New(o)
	require.NoError(t, f.Start(t.Context()))
	t.Cleanup(func() {
		require.NoError(t, f.Stop(context.Background()))
		left, err := os.ReadDir(o.TempDir)
		require.NoError(t, err)
		require.Empty(t, left, "sockets and folders")
		for pid := range f.pids {
			requireNoProcess(t, pid)
		}
	})
	return f
}

// backend fails the test if there is no instance.
func (f *fixture) backend(t testing.TB) *Instance {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	i, err := f.Plugin(ctx, base.KindBackend, "fake")
	require.NoError(t, err)
	f.pids[i.PID] = true
	return i
}

// await returns the next event of a state.
func (f *fixture) await(t testing.TB, state State) Event {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for {
		select {
		case e := <-f.events:
			if e.State == state {
				return e
			}
		case <-timeout:
			require.FailNow(t, "no event", "%s", state)
		}
	}
}

// load loads a model that does as the config says.
func (f *fixture) load(t testing.TB, i *Instance, c fake.ModelConfig) backend.ModelID {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "model")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	_, err = i.Backend.LoadModel(t.Context(), backend.LoadRequest{ID: "m", Path: path}, nil)
	require.NoError(t, err)
	return "m"
}

// generate runs one request; each event is passed on.
func generate(ctx context.Context, i *Instance, id backend.ModelID, emit func(backend.Event)) error {
	return i.Backend.Generate(ctx, backend.GenerateRequest{Model: id, Prompt: backend.Prompt{Text: "hello"}, MaxTokens: 1000},
		func(e backend.Event) error {
			emit(e)
			return nil
		})
}

// requireGone fails the test if the channel does not close soon.
func requireGone(t testing.TB, i *Instance) {
	t.Helper()
	select {
	case <-i.Gone():
	case <-time.After(30 * time.Second):
		require.FailNow(t, "the process lives")
	}
}

// fakeInfo asks the plugin who it is.
func fakeInfo(t testing.TB, i *Instance) base.Info {
	t.Helper()
	info, err := i.Backend.Info(t.Context())
	require.NoError(t, err)
	return info
}
