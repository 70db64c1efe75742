package config

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Editors and config maps replace a file in several steps. A reload waits until nothing has
// happened for quiet, but not longer than patience.
const (
	quiet    = 100 * time.Millisecond
	patience = time.Second
)

// Watcher reads a configuration again when its files change.
type Watcher struct {
	options  Options
	running  *Config // what the daemon was started with
	onChange func(*Config)
	onError  func(error)

	events *fsnotify.Watcher
	reload chan struct{}
	cancel context.CancelFunc
	done   chan struct{}

	// The goroutine's own.
	last    string // digest of the configuration told last
	refused string // text of the error told last, "" after a success
	folders []string
}

// Watch watches the configuration file and the chat templates of running, which Load returned for
// the same options, until the context ends or Close is called. A change since Load is found too.
//
// onChange is called with each new configuration, onError with each that is refused: it is an
// *Error then, nothing of it was taken over, and the one before still holds. They are called from
// one goroutine, one at a time, and must not call Close. Model files are not watched; Reload looks
// for them again.
func Watch(ctx context.Context, o Options, running *Config, onChange func(*Config), onError func(error)) (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch the configuration: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &Watcher{
		options: o, running: running, onChange: onChange, onError: onError,
		events: events, reload: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
		last: running.digest,
	}
	if err := w.follow(running.Files); err != nil {
		cancel()
		return nil, errors.Join(err, events.Close())
	}
	go w.run(ctx)
	return w, nil
}

// Reload asks for the configuration to be read again, changed or not, and returns at once. One of
// the callbacks follows. Requests that come while one waits are one.
func (w *Watcher) Reload() {
	select {
	case w.reload <- struct{}{}:
	default:
	}
}

// Close ends the watching and waits for a callback that runs.
func (w *Watcher) Close() {
	w.cancel()
	<-w.done
}

func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	defer func() {
		if err := w.events.Close(); err != nil {
			w.onError(fmt.Errorf("stop watching the configuration: %w", err))
		}
	}()
	var first time.Time
	due := time.NewTimer(0)
	due.Stop()
	defer due.Stop()
	soon := func() {
		now := time.Now()
		if first.IsZero() {
			first = now
		}
		due.Reset(max(0, min(quiet, patience-now.Sub(first))))
	}
	soon() // for what changed between Load and Watch
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.reload:
			first = time.Time{}
			due.Stop()
			w.read(true)
		case e, ok := <-w.events.Events:
			if !ok {
				return
			}
			if e.Op != fsnotify.Chmod {
				soon()
			}
		case err, ok := <-w.events.Errors:
			if !ok {
				return
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				w.onError(fmt.Errorf("watch the configuration: %w", err))
			}
			soon() // events may have been lost
		case <-due.C:
			first = time.Time{}
			w.read(false)
		}
	}
}

// read loads the configuration and tells of it when it is another one than before, or when asked.
func (w *Watcher) read(asked bool) {
	next, err := Load(w.options)
	if err != nil {
		if asked || err.Error() != w.refused {
			w.refused = err.Error()
			w.onError(err)
		}
		return
	}
	if !asked && next.digest == w.last && w.refused == "" {
		return
	}
	w.last, w.refused = next.digest, ""
	if err := w.follow(next.Files); err != nil {
		w.onError(err)
	}
	next.NeedRestart = needRestart(w.running, next)
	w.onChange(next)
}

// follow watches the folders of the files, and those that their links lead to. Folders, because a
// file that is replaced is another file than the one that was watched.
func (w *Watcher) follow(files []string) error {
	var folders []string
	for _, f := range files {
		folders = append(folders, filepath.Dir(f))
		if real, err := filepath.EvalSymlinks(f); err == nil {
			folders = append(folders, filepath.Dir(real))
		}
	}
	slices.Sort(folders)
	folders = slices.Compact(folders)
	for _, f := range folders {
		if err := w.events.Add(f); err != nil {
			return fmt.Errorf("watch the folder %s: %w", f, err)
		}
	}
	for _, f := range w.folders {
		if !slices.Contains(folders, f) {
			_ = w.events.Remove(f) // it may be gone already
		}
	}
	w.folders = folders
	return nil
}
