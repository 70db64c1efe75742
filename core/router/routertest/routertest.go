// Package routertest gives tests a router with backends that are served over real gRPC within the
// process: the fake, which does what it is told.
package routertest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/backendtest"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/pool"
	"github.com/kakeyad/kakeyad/core/router"
)

// Backends is the fake under any name, in a process that lives until it is killed and is started
// again when it is next asked for.
type Backends struct {
	// Generated, if set before the first request, is told of each generation that ended in the
	// backend, and how. It may be called concurrently.
	Generated func(req backend.GenerateRequest, err error)

	tb      testing.TB
	mu      sync.Mutex
	current *process
	starts  int
}

// process stands for one life of the plugin.
type process struct {
	connection *backendtest.Connection
	gone       chan struct{}
	die        func()
}

var _ router.Plugins = (*Backends)(nil)

// NewBackends returns backends that end with the test.
func NewBackends(tb testing.TB) *Backends {
	b := &Backends{tb: tb}
	tb.Cleanup(b.Kill)
	return b
}

// Backend implements router.Plugins.
func (b *Backends) Backend(context.Context, string) (router.Instance, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current == nil {
		if err := b.start(); err != nil {
			return router.Instance{}, err
		}
	}
	return router.Instance{Backend: b.current.connection, Gone: b.current.gone}, nil
}

// Linked implements router.Plugins: there is none.
func (b *Backends) Linked(_ context.Context, kind base.Kind, name string) (router.Linked, error) {
	return router.Linked{}, fmt.Errorf("%s plugin %q: %w", kind, name, base.ErrUnsupported)
}

func (b *Backends) start() error {
	p := &process{gone: make(chan struct{})}
	p.die = sync.OnceFunc(func() {
		p.connection.Kill()
		close(p.gone)
	})
	exit := func() { go b.end(p) } // a server cannot stop from within a call
	connection, err := backendtest.Connect(&observed{fake.New(fake.Config{Exit: exit}), b}, nil)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	p.connection = connection
	b.current = p
	b.starts++
	b.tb.Cleanup(func() { _ = connection.Close() })
	return nil
}

// Kill ends the process, if there is one.
func (b *Backends) Kill() {
	b.mu.Lock()
	p := b.current
	b.mu.Unlock()
	if p != nil {
		b.end(p)
	}
}

func (b *Backends) end(p *process) {
	p.die()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current == p {
		b.current = nil
	}
}

// Starts counts the processes so far.
func (b *Backends) Starts() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.starts
}

// observed tells of generations that end.
type observed struct {
	*fake.Backend
	of *Backends
}

func (o *observed) Generate(ctx context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
	err := o.Backend.Generate(ctx, req, emit)
	if o.of.Generated != nil {
		o.of.Generated(req, err)
	}
	return err
}

// Model writes a model file that the fake reads.
func Model(tb testing.TB, c fake.ModelConfig) channel.Model {
	tb.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), "model.gguf")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return channel.Model{Path: path, Created: time.Unix(1_700_000_000, 0)}
}

// Set composes channels, each of a model of its own name unless its spec says otherwise.
func Set(tb testing.TB, models map[string]channel.Model, channels map[string]channel.Spec) *channel.Set {
	tb.Helper()
	for name, spec := range channels {
		if spec.Backend == "" {
			spec.Backend = fake.Name
		}
		channels[name] = spec
	}
	set, err := channel.Compose(channel.Input{
		Models: models, Channels: channels,
		Defaults: channel.Spec{Backend: fake.Name, Sampling: backend.DefaultSampling()},
		Known:    channel.Known{Backends: []string{fake.Name, "other"}, Codecs: append([]string{"fake", "wrong"}, channel.OurCodecs...), Drafters: channel.OurDrafters},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// Router returns a router over plugins that is closed at the end of the test.
func Router(tb testing.TB, p router.Plugins, set *channel.Set) *router.Router {
	tb.Helper()
	return RouterWith(tb, router.Options{Plugins: p, Set: set})
}

// RouterWith is Router with options of the test's own; it fills in those that have no default.
func RouterWith(tb testing.TB, o router.Options) *router.Router {
	tb.Helper()
	quiet := slog.New(slog.DiscardHandler)
	o.Logger, o.Pool = quiet, pool.Options{Budget: 1 << 40, Logger: quiet}
	r, err := router.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			tb.Error(err)
		}
	})
	return r
}
