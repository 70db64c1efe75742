package service_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
)

func TestLoadInfo(t *testing.T) {
	s := newService(t)
	info := load(t, s, testmodel.SmolLM2(t), backend.LoadOptions{Threads: 1})
	require.Equal(t, "llama", info.Architecture)
	require.Equal(t, "Q4_1", info.Quantization)
	require.EqualValues(t, 134515008, info.Parameters)
	require.Equal(t, [...]int{30, 576, 9, 3, 64, 49152, 8192},
		[...]int{info.Layers, info.Embedding, info.Heads, info.KVHeads, info.HeadDim, info.Vocabulary, info.TrainContext})
	require.Equal(t, "<|im_end|>", info.Text["eos"])
	require.Contains(t, info.EndTokens, info.Special["eos"])
	require.Contains(t, info.ChatTemplate, "<|im_start|>")
	require.True(t, info.Generative)
	require.Equal(t, backend.LoadOptions{
		Context: 4096, Parallel: 4, CacheTokens: 4096, Batch: 512, PrefillChunk: 32, Queue: 256, Threads: 1,
		KVTypeK: "f16", KVTypeV: "f16", Cache: backend.CacheOptions{Sinks: 1},
		Extra: map[string]string{"flash_attn": "auto", "poll": "1"},
	}, info.Options)
	require.EqualValues(t, 23040, info.Memory.KVBytesPerToken)
	require.Greater(t, info.Memory.Weights, int64(90<<20))
	require.Positive(t, info.Memory.Compute)
}

func TestLoadInfoGemma3(t *testing.T) {
	s := newService(t)
	info := load(t, s, testmodel.Gemma3(t), backend.LoadOptions{Threads: 1, Context: 512})
	require.Equal(t, "gemma3", info.Architecture)
	require.Equal(t, "Q4_K_M", info.Quantization)
	require.Equal(t, [...]int{18, 640, 4, 1, 256, 262144}, [...]int{info.Layers, info.Embedding, info.Heads, info.KVHeads, info.HeadDim, info.Vocabulary})
	require.True(t, info.AddBOS)
	require.Equal(t, "<bos>", info.Text["bos"])
	require.NotEmpty(t, generate(t, s, greedy("The capital of France is", 8)).text)
}

// TestLoadDamaged loads files that are cut off at many places or have bytes changed in the header.
func TestLoadDamaged(t *testing.T) {
	whole, err := os.ReadFile(testmodel.SmolLM2(t))
	require.NoError(t, err)
	s := newService(t)
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"empty":              {},
		"html":               []byte("<!DOCTYPE html><title>404</title>"),
		"inside the header":  whole[:1000],
		"before the tensors": whole[:1<<20],
		"inside the tensors": whole[:len(whole)/2],
		"one byte short":     whole[:len(whole)-1],
		"unknown model":      replaced(whole, "\x05\x00\x00\x00\x00\x00\x00\x00llama", "\x05\x00\x00\x00\x00\x00\x00\x00llomo"),
		"a tensor missing":   replaced(whole, "output_norm.weight", "output_nurm.weight"),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "model.gguf")
			require.NoError(t, os.WriteFile(path, data, 0o600))
			_, err := s.LoadModel(t.Context(), backend.LoadRequest{ID: "m", Path: path}, nil)
			require.ErrorIs(t, err, backend.ErrModelFile)
			require.NotContains(t, err.Error(), "no reason")
			t.Log(err)
		})
	}
}

// replaced changes the first place that is old, at equal length.
func replaced(data []byte, old, with string) []byte {
	changed := append([]byte(nil), data...)
	for i := range changed {
		if string(changed[i:i+len(old)]) == old {
			copy(changed[i:], with)
			return changed
		}
	}
	panic("not found: " + old)
}

func TestLoadRefuses(t *testing.T) {
	s := newService(t)
	path := testmodel.SmolLM2(t)
	for name, c := range map[string]struct {
		options backend.LoadOptions
		want    error
		says    string
	}{
		"unknown extra":      {backend.LoadOptions{Extra: map[string]string{"numa": "on"}}, base.ErrInvalid, "extra.numa"},
		"flash_attn":         {backend.LoadOptions{Extra: map[string]string{"flash_attn": "maybe"}}, base.ErrInvalid, "extra.flash_attn"},
		"poll":               {backend.LoadOptions{Extra: map[string]string{"poll": "101"}}, base.ErrInvalid, "extra.poll"},
		"too many slots":     {backend.LoadOptions{Parallel: 1000}, base.ErrInvalid, "parallel"},
		"too many threads":   {backend.LoadOptions{Threads: 10000}, base.ErrInvalid, "threads"},
		"batch of too few":   {backend.LoadOptions{Parallel: 8, Batch: 4}, base.ErrInvalid, "batch"},
		"KV type":            {backend.LoadOptions{KVTypeK: "q2_k"}, base.ErrInvalid, "kv_type_k"},
		"more than there is": {backend.LoadOptions{Context: 1 << 40}, base.ErrOutOfMemory, "lower context"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.LoadModel(t.Context(), backend.LoadRequest{ID: "m", Path: path, Options: c.options}, nil)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
		})
	}
}
