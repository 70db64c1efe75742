package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var noFake fake.Config

func TestStartsOnFirstUse(t *testing.T) {
	f := newFixture(t, Options{Plugins: []Spec{fakeSpec(t, noFake)}})
	s := f.Status()[0]
	require.Equal(t, StateIdle, s.State)
	require.Zero(t, s.PID)

	instances := make([]*Instance, 10)
	var callers sync.WaitGroup
	for n := range instances {
		callers.Go(func() { instances[n], _ = f.Plugin(t.Context(), base.KindBackend, "fake") })
	}
	callers.Wait()
	first := f.backend(t)
	for _, i := range instances {
		require.Same(t, first, i)
	}
	require.Equal(t, base.KindBackend, first.Info.Kind)
	require.Equal(t, first.Info, fakeInfo(t, first))

	s = f.Status()[0]
	require.Equal(t, StateRunning, s.State)
	require.Equal(t, first.PID, s.PID)
	require.Zero(t, s.Restarts)
	require.False(t, s.Started.IsZero())

	require.NoError(t, f.Stop(t.Context()))
	requireGone(t, first)
	_, err := f.Plugin(t.Context(), base.KindBackend, "fake")
	require.ErrorIs(t, err, ErrStopped)
	_, err = first.Backend.Health(t.Context())
	require.ErrorIs(t, err, base.ErrPluginGone)
	require.Equal(t, StateStopped, f.Status()[0].State)
	require.Error(t, f.Start(t.Context()))
}

func TestFoundInTheFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink(fakeBinary, filepath.Join(dir, binaryName(base.KindBackend, "found"))))
	require.NoError(t, os.WriteFile(filepath.Join(dir, binaryName(base.KindBackend, "text")), nil, 0o600))
	f := newFixture(t, Options{Dir: dir})
	require.Len(t, f.Status(), 1)
	i, err := f.Plugin(t.Context(), base.KindBackend, "found")
	require.NoError(t, err)
	f.pids[i.PID] = true
	_, err = f.Plugin(t.Context(), base.KindBackend, "lost")
	require.ErrorIs(t, err, ErrUnknown)
	require.ErrorContains(t, err, "there is found")
	require.ErrorContains(t, err, binaryName(base.KindBackend, "lost"))
}

func TestRefused(t *testing.T) {
	data, err := os.ReadFile(fakeBinary)
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	for name, c := range map[string]struct {
		spec func(*Spec)
		fake fake.Config
		is   error
		says string
	}{
		"kind":     {fake: fake.Config{Start: "kind"}, is: base.ErrUnsupported, says: "it says that it is a codec plugin, not a backend"},
		"version":  {fake: fake.Config{Start: "version"}, is: base.ErrUnsupported, says: "speaks API version 2, this daemon speaks 1"},
		"checksum": {spec: func(s *Spec) { s.SHA256 = hex.EncodeToString(make([]byte, 32)) }, is: ErrChecksum, says: "install that one"},
		"right":    {spec: func(s *Spec) { s.SHA256 = hex.EncodeToString(sum[:]) }},
	} {
		t.Run(name, func(t *testing.T) {
			spec := fakeSpec(t, c.fake)
			if c.spec != nil {
				c.spec(&spec)
			}
			f := newFixture(t, Options{Plugins: []Spec{spec}, RestartMax: time.Hour})
			if c.is == nil {
				f.backend(t)
				return
			}
			for range 2 { // the second time without another start
				_, err := f.Plugin(t.Context(), base.KindBackend, "fake")
				require.ErrorIs(t, err, c.is)
				require.ErrorContains(t, err, c.says)
				require.ErrorContains(t, err, fakeBinary)
			}
			s := f.Status()[0]
			require.Equal(t, StateRefused, s.State)
			require.Zero(t, s.Restarts)
		})
	}
}

// What was refused is tried again when it is asked for later.
func TestRefusedIsTriedAgain(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	f := newFixture(t, Options{Plugins: []Spec{fakeSpec(t, fake.Config{Start: "version", Once: once})}, RestartMax: time.Millisecond})
	_, err := f.Plugin(t.Context(), base.KindBackend, "fake")
	require.ErrorIs(t, err, base.ErrUnsupported)
	for err != nil {
		require.ErrorIs(t, err, base.ErrUnsupported)
		_, err = f.Plugin(t.Context(), base.KindBackend, "fake")
	}
	f.backend(t)
}

func TestFailsOnStart(t *testing.T) {
	for name, c := range map[string]struct {
		fake fake.Config
		path string
		says string
	}{
		"exits":   {fake: fake.Config{Start: "exit"}, says: "told to exit"},
		"hangs":   {fake: fake.Config{Start: "hang"}, says: "no answer in 2s"},
		"missing": {path: "/nowhere/kakeya-backend-fake", says: "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := fakeSpec(t, c.fake)
			if c.path != "" {
				spec.Path = c.path
			}
			f := newFixture(t, Options{
				Plugins: []Spec{spec}, StartTimeout: 2 * time.Second,
				RestartMin: time.Hour, RestartMax: time.Hour,
			})
			var err error
			for range 2 { // the first restart is at once, the second far away
				_, err = f.Plugin(t.Context(), base.KindBackend, "fake")
				require.ErrorIs(t, err, base.ErrPluginGone)
			}
			_, err = f.Plugin(t.Context(), base.KindBackend, "fake")
			var down *DownError
			require.ErrorAs(t, err, &down)
			require.ErrorContains(t, err, c.says)
			require.Greater(t, time.Until(down.Retry), 20*time.Minute)
		})
	}
}

func TestStopDuringStart(t *testing.T) {
	f := newFixture(t, Options{Plugins: []Spec{fakeSpec(t, fake.Config{Start: "hang"})}})
	failed := make(chan error, 1)
	go func() {
		_, err := f.Plugin(context.Background(), base.KindBackend, "fake")
		failed <- err
	}()
	f.await(t, StateStarting)
	require.NoError(t, f.Stop(t.Context()))
	require.ErrorIs(t, <-failed, base.ErrPluginGone)
}

func TestWaitingForAStartIsBounded(t *testing.T) {
	f := newFixture(t, Options{Plugins: []Spec{fakeSpec(t, fake.Config{Start: "hang"})}})
	ctx, cancel := context.WithCancelCause(t.Context())
	errBored := errors.New("bored")
	go func() {
		f.await(t, StateStarting)
		cancel(errBored)
	}()
	_, err := f.Plugin(ctx, base.KindBackend, "fake")
	require.ErrorIs(t, err, errBored)
}

func TestKilledInMidStream(t *testing.T) {
	f := newFixture(t, Options{Plugins: []Spec{fakeSpec(t, noFake)}})
	i := f.backend(t)
	id := f.load(t, i, fake.ModelConfig{TokensPerSecond: 200, AnswerTokens: 1000})
	var killed time.Time
	err := generate(t.Context(), i, id, func(e backend.Event) {
		if len(e.Tokens) > 0 && killed.IsZero() {
			killed = time.Now()
			p, err := os.FindProcess(i.PID)
			require.NoError(t, err)
			require.NoError(t, p.Kill())
		}
	})
	require.ErrorIs(t, err, base.ErrPluginGone)
	require.Less(t, time.Since(killed), time.Second)
	requireGone(t, i)

	// The next request finds it restarted.
	next := f.backend(t)
	require.NotEqual(t, i.PID, next.PID)
	require.Equal(t, 1, f.Status()[0].Restarts)
	require.ErrorContains(t, f.await(t, StateDown).Error, "killed")
	id = f.load(t, next, fake.ModelConfig{AnswerTokens: 3})
	require.NoError(t, generate(t.Context(), next, id, func(backend.Event) {}))
}

func TestDiesInMidStream(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	f := newFixture(t, Options{Plugins: []Spec{fakeSpec(t, noFake)}})
	i := f.backend(t)
	id := f.load(t, i, fake.ModelConfig{AnswerTokens: 10, Die: "exit", AfterTokens: 3, Once: once})
	require.ErrorIs(t, generate(t.Context(), i, id, func(backend.Event) {}), base.ErrPluginGone)
	requireGone(t, i)
	require.NotEqual(t, i.PID, f.backend(t).PID)
}

func TestHealth(t *testing.T) {
	for how, says := range map[string]string{"hang": "hangs", "bad": "not well"} {
		t.Run(how, func(t *testing.T) {
			f := newFixture(t, Options{
				Plugins:        []Spec{fakeSpec(t, fake.Config{Health: how})},
				HealthInterval: time.Millisecond, HealthTimeout: 50 * time.Millisecond,
				RestartMin: time.Hour, RestartMax: time.Hour,
			})
			requireGone(t, f.backend(t))
			down := f.await(t, StateDown)
			require.ErrorContains(t, down.Error, says)
			require.ErrorIs(t, down.Error, base.ErrPluginGone)
		})
	}
}

func TestFolderOfSocketsTooDeep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	require.NoError(t, os.Mkdir(dir, 0o700))
	err := New(Options{TempDir: dir}).Start(t.Context())
	require.ErrorContains(t, err, "set TMPDIR to a shorter one")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
