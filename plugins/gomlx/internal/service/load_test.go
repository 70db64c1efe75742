package service_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
)

// TestRefused loads with what this backend cannot do, each for its reason.
func TestRefused(t *testing.T) {
	s := newService(t)
	damaged := filepath.Join(t.TempDir(), "damaged.gguf")
	require.NoError(t, os.WriteFile(damaged, []byte("GGUF but no more"), 0o600))
	for name, tc := range map[string]struct {
		path     string
		change   func(*backend.LoadOptions)
		bindings backend.Bindings
		want     error
		says     string
	}{
		"no file":         {path: "/nowhere/model.gguf", want: backend.ErrModelFile, says: "there is no such file"},
		"damaged":         {path: damaged, want: backend.ErrModelFile},
		"relative":        {path: "model.gguf", want: base.ErrInvalid, says: "not absolute"},
		"layers on GPU":   {change: func(o *backend.LoadOptions) { o.GPULayers = -1 }, want: base.ErrUnsupported, says: "gpu_layers"},
		"8-bit cache":     {change: func(o *backend.LoadOptions) { o.KVTypeK = "q8_0" }, want: base.ErrUnsupported, says: "kv_type_k"},
		"unknown extra":   {change: func(o *backend.LoadOptions) { o.Extra["poll"] = "1" }, want: base.ErrInvalid, says: "extra.poll"},
		"unknown weights": {change: func(o *backend.LoadOptions) { o.Extra["weights"] = "int3" }, want: base.ErrInvalid, says: "int8, bf16 or f32"},
		"no plugin there": {change: func(o *backend.LoadOptions) { o.Extra["pjrt"] = "/nowhere/pjrt.so" }, want: base.ErrUnsupported, says: "make pjrt"},
		"no plugin":       {change: func(o *backend.LoadOptions) { o.Extra["pjrt"] = damaged }, want: base.ErrUnsupported, says: damaged},
		"recent": {change: func(o *backend.LoadOptions) { o.Cache.Mode, o.Cache.Recent = backend.CacheLive, 8 },
			bindings: backend.Bindings{Codec: &backend.Link{Plugin: "e8"}}, want: base.ErrUnsupported, says: "cache.recent"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			if tc.change != nil {
				tc.change(&o)
			}
			if tc.path == "" {
				tc.path = testmodel.SmolLM2(t)
			}
			_, err := s.LoadModel(t.Context(), backend.LoadRequest{ID: "m", Path: tc.path, Options: o, Bindings: tc.bindings}, nil)
			require.ErrorIs(t, err, tc.want)
			require.ErrorContains(t, err, tc.says)
		})
	}
}

// TestLoadCancelled cancels in each stage of loading; the ID is free again after.
func TestLoadCancelled(t *testing.T) {
	s := newService(t)
	o := options(t)
	o.Context, o.Batch = 256, 16
	req := backend.LoadRequest{ID: "m", Path: testmodel.SmolLM2(t), Options: o}
	for _, stage := range []string{"vocabulary", "weights", "context", "compile", "warmup"} {
		t.Run(stage, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := s.LoadModel(ctx, req, func(p backend.LoadProgress) {
				if p.Stage == stage {
					cancel()
				}
			})
			require.ErrorIs(t, err, context.Canceled)
		})
	}
	_, err := s.LoadModel(t.Context(), req, nil)
	require.NoError(t, err)
}

// TestCompiled loads twice: the second time nothing is compiled, and requests compile nothing either.
func TestCompiled(t *testing.T) {
	s := newService(t)
	o := options(t)
	o.Context, o.Batch, o.Parallel = 600, 24, 3 // of which no other test has programs
	compiled := func() int64 {
		stats, err := s.Stats(t.Context(), "m")
		require.NoError(t, err)
		return stats.Compiled
	}
	req := backend.LoadRequest{ID: "m", Path: testmodel.SmolLM2(t), Options: o}
	_, err := s.LoadModel(t.Context(), req, nil)
	require.NoError(t, err)
	before := compiled()
	for _, n := range []int{1, 2, 7, 30, 300} {
		tokens := make([]backend.Token, n)
		for i := range tokens {
			tokens[i] = backend.Token(100 + i)
		}
		require.NoError(t, s.Generate(t.Context(), backend.GenerateRequest{
			Model: "m", Prompt: backend.Prompt{Tokens: tokens}, MaxTokens: 3,
		}, func(backend.Event) error { return nil }))
	}
	require.Equal(t, before, compiled())
	require.NoError(t, s.UnloadModel(t.Context(), "m"))
	_, err = s.LoadModel(t.Context(), req, nil)
	require.NoError(t, err)
	require.Zero(t, compiled())
}

// TestPureGo loads without a PJRT plugin.
func TestPureGo(t *testing.T) {
	s := newService(t)
	o := backend.LoadOptions{Context: 256, Batch: 8, Extra: map[string]string{"pjrt": "none"}}
	info, err := s.LoadModel(t.Context(), backend.LoadRequest{ID: "m", Path: testmodel.SmolLM2(t), Options: o}, nil)
	require.NoError(t, err)
	require.Equal(t, "f32", info.Options.Extra["weights"])
	var text string
	require.NoError(t, s.Generate(t.Context(), backend.GenerateRequest{
		Model: "m", Prompt: backend.Prompt{Text: "The capital of France is", AddSpecial: true}, MaxTokens: 1,
	}, func(e backend.Event) error {
		text += e.Text
		return nil
	}))
	require.Equal(t, " Paris", text)
}
