package backendtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

var loadChecks = []Check{
	{
		Name: "load/progress",
		Doc:  "Progress is called in turn, with fractions from 0 to 1 that do not fall, and not after LoadModel has returned.",
		Run:  checkLoadProgress,
	},
	{
		Name: "load/info",
		Doc:  "ModelInfo describes the model; its options are resolved, and its special tokens are in the vocabulary.",
		Run:  checkLoadInfo,
	},
	{
		Name: "load/options",
		Doc:  "Options that are given are those that ModelInfo tells.",
		Run:  checkLoadOptions,
	},
	{
		Name: "load/file",
		Doc:  "A missing and a damaged file are ErrModelFile, and the ID is free after.",
		Run:  checkLoadFile,
	},
	{
		Name: "load/invalid",
		Doc:  "A bad option and an unknown key of Extra are ErrInvalid, which names it.",
		Run:  checkLoadInvalid,
	},
	{
		Name: "load/twice",
		Doc:  "An ID that is taken is ErrExists, and the model that has it works on; unloaded, the ID is free.",
		Run:  checkLoadTwice,
	},
	{
		Name: "load/binding",
		Doc:  "A binding that the backend cannot use is refused, never ignored.",
		Run:  checkLoadBinding,
	},
	{
		Name: "load/redraft",
		Doc:  "A drafter for a model that was loaded without one is ErrInvalid, for one that is not loaded ErrModelNotLoaded. Where none can be replaced both are ErrUnsupported.",
		Run:  checkRedraft,
	},
}

func checkLoadProgress(ctx context.Context, env *Env) error {
	var (
		wrong        error
		last         float32
		inside, over atomic.Bool
	)
	id := env.newID()
	req := backend.LoadRequest{ID: id, Path: env.Path, Options: env.Options}
	_, err := env.Backend.LoadModel(ctx, req, func(p backend.LoadProgress) {
		switch {
		case !inside.CompareAndSwap(false, true):
			wrong = errors.New("progress is called concurrently")
		case over.Load():
			wrong = errors.New("progress is called after LoadModel has returned")
		case !(p.Fraction >= last && p.Fraction <= 1):
			wrong = fmt.Errorf("fraction %v after %v", p.Fraction, last)
		}
		last = p.Fraction
		inside.Store(false)
	})
	over.Store(true)
	if err != nil {
		return err
	}
	return errors.Join(wrong, env.unload(ctx, id))
}

func checkLoadInfo(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	i := m.info
	for name, n := range map[string]int{
		"layers": i.Layers, "embedding": i.Embedding, "heads": i.Heads, "kv_heads": i.KVHeads,
		"head_dim": i.HeadDim, "vocabulary": i.Vocabulary, "train_context": i.TrainContext,
		"end_tokens": len(i.EndTokens), "parameters": int(i.Parameters), "memory": int(i.Memory.Total()),
		"architecture": len(i.Architecture),
	} {
		if n <= 0 {
			return fmt.Errorf("%s is %d", name, n)
		}
	}
	if !i.Generative {
		return errors.New("the model cannot generate: give one that can")
	}
	for _, t := range append(i.EndTokens[:len(i.EndTokens):len(i.EndTokens)], values(i.Special)...) {
		if t < 0 || int(t) >= i.Vocabulary {
			return fmt.Errorf("special token %d is not in the vocabulary of %d", t, i.Vocabulary)
		}
	}
	for key := range i.Special {
		if _, ok := i.Text[key]; !ok {
			return fmt.Errorf("special token %q has no text", key)
		}
	}
	return checkResolved(i.Options)
}

func values[K comparable, V any](m map[K]V) (out []V) {
	for v := range maps.Values(m) {
		out = append(out, v)
	}
	return out
}

func checkResolved(o backend.LoadOptions) error {
	for name, n := range map[string]int{
		"context": o.Context, "parallel": o.Parallel, "cache_tokens": o.CacheTokens, "batch": o.Batch,
		"prefill_chunk": o.PrefillChunk, "queue": o.Queue, "threads": o.Threads,
		"kv_type_k": len(o.KVTypeK), "kv_type_v": len(o.KVTypeV),
	} {
		if n <= 0 {
			return fmt.Errorf("option %s is not resolved", name)
		}
	}
	if o.CacheTokens < o.Context {
		return fmt.Errorf("cache_tokens %d is below context %d", o.CacheTokens, o.Context)
	}
	return nil
}

func checkLoadOptions(ctx context.Context, env *Env) error {
	o := env.Options
	o.Context, o.CacheTokens, o.Parallel, o.Queue, o.Batch = 256, 512, 2, 3, 64
	return env.with(ctx, o, func(m *model) error {
		got := m.info.Options
		if got.Context != 256 || got.CacheTokens != 512 || got.Parallel != 2 || got.Queue != 3 || got.Batch != 64 {
			return fmt.Errorf("asked for %+v, got %+v", o, got)
		}
		return checkResolved(got)
	})
}

func checkLoadFile(ctx context.Context, env *Env) error {
	dir, err := os.MkdirTemp("", "backendtest")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	damaged := filepath.Join(dir, "damaged.gguf")
	if err := os.WriteFile(damaged, []byte("{ this is no model"), 0o600); err != nil {
		return err
	}
	id := env.newID()
	for _, path := range []string{filepath.Join(dir, "missing.gguf"), damaged} {
		_, err := env.Backend.LoadModel(ctx, backend.LoadRequest{ID: id, Path: path, Options: env.Options}, nil)
		if wrong := expect(err, backend.ErrModelFile, filepath.Base(path)); wrong != nil {
			return wrong
		}
	}
	if _, err := env.Backend.LoadModel(ctx, backend.LoadRequest{ID: id, Path: env.Path, Options: env.Options}, nil); err != nil {
		return fmt.Errorf("the ID of loads that failed: %w", err)
	}
	return env.unload(ctx, id)
}

func checkLoadInvalid(ctx context.Context, env *Env) error {
	for field, change := range map[string]func(o *backend.LoadOptions){
		"context":         func(o *backend.LoadOptions) { o.Context = -1 },
		"parallel":        func(o *backend.LoadOptions) { o.Parallel = -1 },
		"cache_tokens":    func(o *backend.LoadOptions) { o.Context, o.CacheTokens = 256, 128 },
		"queue":           func(o *backend.LoadOptions) { o.Queue = -1 },
		"kv_type_k":       func(o *backend.LoadOptions) { o.KVTypeK = "f12" },
		"kv_type_v":       func(o *backend.LoadOptions) { o.KVTypeV = "f12" },
		"no_such_setting": func(o *backend.LoadOptions) { o.Extra = map[string]string{"no_such_setting": "1"} },
	} {
		o := env.Options
		change(&o)
		_, err := env.load(ctx, o)
		if wrong := expectNaming(err, base.ErrInvalid, field); wrong != nil {
			return wrong
		}
	}
	return nil
}

func checkLoadTwice(ctx context.Context, env *Env) error {
	id := env.newID()
	req := backend.LoadRequest{ID: id, Path: env.Path, Options: env.Options}
	info, err := env.Backend.LoadModel(ctx, req, nil)
	if err != nil {
		return err
	}
	_, err = env.Backend.LoadModel(ctx, req, nil)
	if wrong := expect(err, base.ErrExists, "load the same ID again"); wrong != nil {
		return errors.Join(wrong, env.unload(ctx, id))
	}
	m := &model{env: env, id: id, info: info}
	if _, err := m.ask(ctx, m.greedy(2)); err != nil {
		return errors.Join(fmt.Errorf("the model after that: %w", err), env.unload(ctx, id))
	}
	if err := env.Backend.UnloadModel(ctx, id); err != nil {
		return err
	}
	if wrong := expect(env.Backend.UnloadModel(ctx, id), backend.ErrModelNotLoaded, "unload again"); wrong != nil {
		return wrong
	}
	if _, err := env.Backend.LoadModel(ctx, req, nil); err != nil {
		return fmt.Errorf("load the unloaded ID: %w", err)
	}
	return env.Backend.UnloadModel(ctx, id)
}

func checkLoadBinding(ctx context.Context, env *Env) error {
	dir, err := os.MkdirTemp("", "backendtest")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	nobody := &backend.Link{Plugin: "nobody", Address: filepath.Join(dir, "socket"), Secret: make([]byte, link.SecretSize)}
	for name, bindings := range map[string]backend.Bindings{"codec": {Codec: nobody}, "drafter": {Drafter: nobody}} {
		id := env.newID()
		req := backend.LoadRequest{ID: id, Path: env.Path, Options: env.Options, Bindings: bindings}
		_, err := env.Backend.LoadModel(ctx, req, nil)
		switch {
		case err == nil:
			return errors.Join(fmt.Errorf("a %s that nobody serves was ignored", name), env.unload(ctx, id))
		case errors.Is(err, base.ErrUnsupported), errors.Is(err, base.ErrPluginGone):
		default:
			return fmt.Errorf("%s: want %q or %q, got: %w", name, base.ErrUnsupported.Error(), base.ErrPluginGone.Error(), err)
		}
	}
	return nil
}

func checkRedraft(ctx context.Context, env *Env) error {
	redrafter, ok := env.Backend.(backend.Redrafter)
	if !ok {
		return &SkipError{Reason: "the backend is no Redrafter"}
	}
	info, err := env.Backend.Info(ctx)
	if err != nil {
		return err
	}
	without, unknown := base.ErrInvalid, backend.ErrModelNotLoaded
	if !info.Has(backend.CapRedraft) {
		without, unknown = base.ErrUnsupported, base.ErrUnsupported
	}
	nobody := backend.Link{Plugin: "nobody", Address: "nowhere", Secret: make([]byte, link.SecretSize)}
	return env.with(ctx, env.Options, func(m *model) error {
		return errors.Join(
			expect(redrafter.Redraft(ctx, m.id, nobody), without, "a drafter for a model without one"),
			expect(redrafter.Redraft(ctx, env.newID(), nobody), unknown, "a drafter for no model"),
		)
	})
}
