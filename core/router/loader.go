package router

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/pool"
)

// loader loads models for the pool, under the load keys of channels.
type loader struct{ *Router }

// Estimate returns what the model took when it was last loaded, else a guess from its file: the
// weights as they lie, a KV cache in proportion and some room to work.
func (l loader) Estimate(_ context.Context, key string) (int64, error) {
	if n := l.models.weight(key); n > 0 {
		return n, nil
	}
	c := l.models.channel(key)
	if c == nil {
		return 0, fmt.Errorf("no channel has the load key %q", key)
	}
	file, err := os.Stat(c.Model.Path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, loadError("%w: there is no file %s: put it there, or correct models.%s.file in the configuration",
			backend.ErrModelFile, c.Model.Path, c.Model.Short)
	}
	if err != nil {
		return 0, loadError("%w: %w", backend.ErrModelFile, err)
	}
	return estimate(file.Size(), c.Load), nil
}

// estimate guesses the bytes of a loaded model. A token's KV grows with the model, though slower:
// 23 kB for 135 M parameters in 4 bits, some 130 kB for 8 G.
func estimate(fileBytes int64, o backend.LoadOptions) int64 {
	const workBuffers = 64 << 20
	cells := max(o.CacheTokens, o.Context)
	if cells == 0 {
		cells = 4096
	}
	return fileBytes + int64(cells)*(20<<10+fileBytes/(40<<10)) + workBuffers
}

// Load starts the backend and what the model is bound to, if need be, and loads the model.
func (l loader) Load(ctx context.Context, key string, progress func(pool.Progress)) (pool.Loaded[*model], error) {
	none := pool.Loaded[*model]{}
	c := l.models.channel(key)
	if c == nil {
		return none, fmt.Errorf("no channel has the load key %q", key)
	}
	began := time.Now()
	progress(pool.Progress{Stage: "backend"})
	instance, err := l.plugins.Backend(ctx, c.Backend)
	if err != nil {
		return none, loadError("backend %q: %w", c.Backend, err)
	}
	links, bindings, err := l.bindAll(ctx, c)
	if err != nil {
		return none, loadError("%w", err)
	}
	file, err := fingerprint(c.Model.Path)
	if err != nil {
		return none, loadError("%w: %w", backend.ErrModelFile, err)
	}
	m := newModel(instance, c.Backend, key, l.patience)
	m.bindings = bindings
	m.info, err = m.strict.LoadModel(ctx, backend.LoadRequest{
		ID: m.id, Path: c.Model.Path, Options: c.Load, Bindings: links,
	}, func(p backend.LoadProgress) {
		progress(pool.Progress{Stage: p.Stage, Fraction: p.Fraction})
	})
	if err = m.blame(err); err != nil {
		return none, loadError("%s with backend %q: %w", c.Model.Path, c.Backend, err)
	}
	m.guard = chat.NewGuard(m.info.Control)
	m.shelf = l.newShelf(c, m, file)
	l.models.add(key, m)
	l.watchBindings(m)
	l.workers.Go(func() { l.attend(key, m) })
	if m.shelf != nil {
		open := make(chan struct{}) // a model that is unloaded at once must find it so
		l.workers.Go(func() { l.collect(key, m, sync.OnceFunc(func() { close(open) })) })
		select {
		case <-open:
		case <-ctx.Done(): // the model is there nevertheless
		}
	}
	l.log.Info("model loaded", "model", key, "backend", c.Backend,
		"architecture", m.info.Architecture, "context", m.info.Options.Context,
		"bytes", m.info.Memory.Total(), "took_ms", time.Since(began).Milliseconds())
	return pool.Loaded[*model]{
		Value:  m,
		Bytes:  m.info.Memory.Total(),
		Gone:   m.gone,
		Unload: func(ctx context.Context) error { return l.unload(ctx, key, m) },
	}, nil
}

func (l loader) unload(ctx context.Context, key string, m *model) error {
	l.models.remove(key, m)
	l.park(ctx, key, m)
	m.end(errUnloaded)
	select {
	case <-m.instance.Gone:
		return nil
	default:
	}
	err := m.unload(ctx)
	if err == nil {
		l.log.Info("model unloaded", "model", key)
	}
	return err
}
