package router

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/pool"
)

// loader loads models for the pool, under the load keys of channels.
type loader struct{ *Router }

// generations makes model ids unique: a model that is loaded again never meets its old self.
var generations atomic.Int64

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
	if err != nil {
		return 0, fmt.Errorf("%w: %w: %w", ErrLoad, backend.ErrModelFile, err)
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

// Load starts the backend if need be and loads the model.
func (l loader) Load(ctx context.Context, key string, progress func(pool.Progress)) (pool.Loaded[*model], error) {
	none := pool.Loaded[*model]{}
	c := l.models.channel(key)
	if c == nil {
		return none, fmt.Errorf("no channel has the load key %q", key)
	}
	began := time.Now()
	progress(pool.Progress{Stage: "backend"})
	instance, err := l.backends.Backend(ctx, c.Backend)
	if err != nil {
		return none, fmt.Errorf("%w: backend %q: %w", ErrLoad, c.Backend, err)
	}
	m := &model{instance: instance, id: backend.ModelID(fmt.Sprintf("%s/%d", key, generations.Add(1)))}
	m.info, err = instance.LoadModel(ctx, backend.LoadRequest{
		ID: m.id, Path: c.Model.Path, Options: c.Load, Bindings: bindings(c),
	}, func(p backend.LoadProgress) {
		progress(pool.Progress{Stage: p.Stage, Fraction: p.Fraction})
	})
	if err != nil {
		return none, fmt.Errorf("%w: %s with backend %q: %w", ErrLoad, c.Model.Path, c.Backend, err)
	}
	m.guard = chat.NewGuard(m.info.Control)
	l.models.add(key, m)
	l.log.Info("model loaded", "model", key, "backend", c.Backend,
		"architecture", m.info.Architecture, "context", m.info.Options.Context,
		"bytes", m.info.Memory.Total(), "took_ms", time.Since(began).Milliseconds())
	return pool.Loaded[*model]{
		Value:  m,
		Bytes:  m.info.Memory.Total(),
		Gone:   instance.Gone,
		Unload: func(ctx context.Context) error { return l.unload(ctx, key, m) },
	}, nil
}

func (l loader) unload(ctx context.Context, key string, m *model) error {
	l.models.remove(key, m)
	select {
	case <-m.instance.Gone:
		return nil
	default:
	}
	err := m.instance.UnloadModel(ctx, m.id)
	if err == nil || errors.Is(err, base.ErrPluginGone) || errors.Is(err, backend.ErrModelNotLoaded) {
		l.log.Info("model unloaded", "model", key)
		return nil
	}
	return fmt.Errorf("unload %q: %w", m.id, err)
}

// bindings names the plugins that the channel's model is to work with. A backend that cannot use
// one refuses to load.
func bindings(c *channel.Channel) backend.Bindings {
	var b backend.Bindings
	if c.Codec != nil {
		params := map[string]string{"variant": c.Codec.Name, "q": fmt.Sprint(c.Codec.Q), "boundary": fmt.Sprint(c.Codec.Boundary)}
		for k, v := range c.Codec.Params {
			params[k] = v
		}
		b.Codec = &backend.Link{Plugin: c.Codec.Name, Params: params}
	}
	if c.Drafter != nil {
		b.Drafter = &backend.Link{Plugin: c.Drafter.Name, Params: c.Drafter.Params}
	}
	return b
}
