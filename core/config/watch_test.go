package config_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bound ends a test that waits for an event that does not come.
const bound = 20 * time.Second

// watched is a watcher in a folder of its own, and what it says.
type watched struct {
	t       *testing.T
	dir     string
	options config.Options
	watcher *config.Watcher
	changes chan *config.Config
	errors  chan error
}

// write writes a file in the folder.
func (w *watched) write(name, text string) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600))
}

// replace writes a file as editors do: beside it, then over it.
func (w *watched) replace(name, text string) {
	w.t.Helper()
	w.write(name+".tmp", text)
	require.NoError(w.t, os.Rename(filepath.Join(w.dir, name+".tmp"), filepath.Join(w.dir, name)))
}

// change waits for a new configuration.
func (w *watched) change() *config.Config {
	w.t.Helper()
	select {
	case c := <-w.changes:
		return c
	case err := <-w.errors:
		w.t.Fatalf("refused: %v", err)
	case <-time.After(bound):
		w.t.Fatal("no change")
	}
	return nil
}

// refusal waits for a configuration that is refused.
func (w *watched) refusal() error {
	w.t.Helper()
	select {
	case c := <-w.changes:
		w.t.Fatalf("taken over: %+v", c)
	case err := <-w.errors:
		return err
	case <-time.After(bound):
		w.t.Fatal("no error")
	}
	return nil
}

// watch loads file in a new folder, after prepare has filled it, and watches it.
func watch(t *testing.T, file string, prepare func(*watched)) *watched {
	w := &watched{t: t, dir: t.TempDir(), changes: make(chan *config.Config), errors: make(chan error)}
	prepare(w)
	w.options = config.Options{File: filepath.Join(w.dir, file), WorkDir: w.dir, Environ: []string{"HOME=" + w.dir}}
	w.start(t.Context())
	return w
}

func (w *watched) start(ctx context.Context) {
	running, err := config.Load(w.options)
	require.NoError(w.t, err)
	ctx, stop := context.WithCancel(ctx)
	w.watcher, err = config.Watch(ctx, w.options, running,
		func(c *config.Config) {
			select {
			case w.changes <- c:
			case <-ctx.Done():
			}
		},
		func(err error) {
			select {
			case w.errors <- err:
			case <-ctx.Done():
			}
		})
	require.NoError(w.t, err)
	w.t.Cleanup(func() {
		stop()
		w.watcher.Close()
		w.watcher.Close() // a second time is no harm
	})
}

func TestWatch(t *testing.T) {
	w := watch(t, "c.yaml", func(w *watched) { w.write("c.yaml", "defaults: {limits: {max_tokens: 1}}") })

	w.replace("c.yaml", "defaults: {limits: {max_tokens: 3}}")
	c := w.change()
	require.Equal(t, 3, c.Defaults.Limits.MaxTokens)
	require.Empty(t, c.NeedRestart)

	// A bad file is refused whole.
	w.replace("c.yaml", "defaults: {limits: {max_tokens: 4}}\nlisten: nowhere")
	err := w.refusal()
	require.ErrorIs(t, err, config.ErrInvalid)
	require.Contains(t, err.Error(), "c.yaml:2:9: listen: ")

	// Going back to the last good one is told, so that the error is known to be over.
	w.replace("c.yaml", "defaults: {limits: {max_tokens: 3}}")
	require.Equal(t, 3, w.change().Defaults.Limits.MaxTokens)

	// What needs a restart is named, against what the daemon was started with.
	w.replace("c.yaml", "listen: :99\ndata_dir: d\nplugins: {dir: p, list: [{name: a, kind: codec, path: a}], health: {interval: 1s}}\nlog: {level: debug}")
	require.Equal(t, []string{"listen", "data_dir", "sessions.dir", "plugins.dir", "plugins.list", "plugins.health.interval"}, w.change().NeedRestart)
	w.replace("c.yaml", "log: {level: debug}")
	require.Empty(t, w.change().NeedRestart)
}

// A file that is written in place may be read half written, but its end is always seen.
func TestWatchInPlace(t *testing.T) {
	w := watch(t, "c.yaml", func(w *watched) { w.write("c.yaml", "defaults: {limits: {max_tokens: 1}}") })
	w.write("c.yaml", "defaults: {limits: {max_tokens: 2}}")
	for {
		select {
		case c := <-w.changes:
			if c.Defaults.Limits.MaxTokens == 2 {
				return
			}
		case err := <-w.errors:
			t.Logf("half written: %v", err)
		case <-time.After(bound):
			t.Fatal("the end was not seen")
		}
	}
}

// Other files of the folder, and the same bytes again, are no change.
func TestWatchTellsChangesOnly(t *testing.T) {
	w := watch(t, "c.yaml", func(w *watched) { w.write("c.yaml", "aliases: {}") })
	w.write("other.yaml", "nonsense")
	w.replace("c.yaml", "aliases: {}")
	w.replace("c.yaml", "defaults: {limits: {queue: 5}}")
	require.Equal(t, 5, w.change().Defaults.Limits.Queue)
}

// Reload always answers.
func TestReload(t *testing.T) {
	w := watch(t, "c.yaml", func(w *watched) { w.write("c.yaml", "discover: always\nmodels_dir: .") })
	w.watcher.Reload()
	require.Empty(t, w.change().Set.All())
	w.write("new.gguf", "") // the change of the folder is told once, or twice when Reload comes after it
	w.watcher.Reload()
	require.Len(t, w.change().Set.All(), 1)
}

func TestReloadWithoutFile(t *testing.T) {
	w := &watched{t: t, dir: t.TempDir(), changes: make(chan *config.Config), errors: make(chan error)}
	w.options = config.Options{WorkDir: w.dir, Environ: []string{"HOME=" + w.dir}}
	w.start(t.Context())
	w.watcher.Reload()
	require.Empty(t, w.change().Set.All())
	require.NoError(t, os.Mkdir(filepath.Join(w.dir, "models"), 0o700))
	w.write("models/a.gguf", "")
	w.watcher.Reload()
	require.Len(t, w.change().Set.All(), 1)
}

// The file may be gone for a while.
func TestWatchFileGoesAndComes(t *testing.T) {
	w := watch(t, "c.yaml", func(w *watched) { w.write("c.yaml", "defaults: {limits: {queue: 1}}") })
	require.NoError(t, os.Remove(filepath.Join(w.dir, "c.yaml")))
	require.ErrorIs(t, w.refusal(), config.ErrInvalid)
	w.replace("c.yaml", "defaults: {limits: {queue: 2}}")
	require.Equal(t, 2, w.change().Defaults.Limits.Queue)
}

// Kubernetes swaps a link to a folder of files.
func TestWatchConfigMap(t *testing.T) {
	version := func(w *watched, name, text string) {
		require.NoError(t, os.Mkdir(filepath.Join(w.dir, name), 0o700))
		w.write(name+"/c.yaml", text)
		require.NoError(t, os.Symlink(name, filepath.Join(w.dir, "..data.tmp")))
		require.NoError(t, os.Rename(filepath.Join(w.dir, "..data.tmp"), filepath.Join(w.dir, "..data")))
	}
	w := watch(t, "c.yaml", func(w *watched) {
		version(w, "..1", "defaults: {limits: {queue: 1}}")
		require.NoError(t, os.Symlink("..data/c.yaml", filepath.Join(w.dir, "c.yaml")))
	})
	version(w, "..2", "defaults: {limits: {queue: 2}}")
	require.NoError(t, os.RemoveAll(filepath.Join(w.dir, "..1")))
	require.Equal(t, 2, w.change().Defaults.Limits.Queue)
	version(w, "..3", "defaults: {limits: {queue: 3}}")
	require.Equal(t, 3, w.change().Defaults.Limits.Queue)
}

// A change of a chat template is one of the configuration; a link is followed to its file.
func TestWatchFollowsFiles(t *testing.T) {
	w := watch(t, "c.yaml", func(w *watched) {
		for _, dir := range []string{"templates", "real"} {
			require.NoError(t, os.Mkdir(filepath.Join(w.dir, dir), 0o700))
		}
		w.write("templates/t.jinja", "one")
		w.write("real/c.yaml", "models: {m: {file: m.gguf}}\nchannels: {m: {chat_template: templates/t.jinja}}")
		require.NoError(t, os.Symlink("real/c.yaml", filepath.Join(w.dir, "c.yaml")))
	})
	template := func(c *config.Config) string { return c.Set.All()[0].ChatTemplate }
	w.replace("templates/t.jinja", "two")
	require.Equal(t, "two", template(w.change()))
	w.replace("real/c.yaml", "models: {m: {file: m.gguf}}")
	require.Empty(t, template(w.change()))
}

// A change between Load and Watch is not lost.
func TestWatchFindsWhatChangedBefore(t *testing.T) {
	w := &watched{t: t, dir: t.TempDir(), changes: make(chan *config.Config, 1), errors: make(chan error, 1)}
	w.write("c.yaml", "defaults: {limits: {queue: 1}}")
	w.options = config.Options{File: filepath.Join(w.dir, "c.yaml"), WorkDir: w.dir, Environ: []string{}}
	running, err := config.Load(w.options)
	require.NoError(t, err)
	w.write("c.yaml", "defaults: {limits: {queue: 2}}")
	ctx, stop := context.WithCancel(t.Context())
	watcher, err := config.Watch(ctx, w.options, running, func(c *config.Config) { w.changes <- c }, func(err error) { w.errors <- err })
	require.NoError(t, err)
	require.Equal(t, 2, w.change().Defaults.Limits.Queue)
	stop()
	watcher.Close()
}
