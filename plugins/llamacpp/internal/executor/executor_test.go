package executor_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/compute"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kernels"
)

// rounding is how far logits may be apart that were computed in steps of other shapes: not at all with our kernels,
// and with ggml's two to three times what was measured (0.66 for SmolLM2, 1.44 for Gemma 3).
func rounding() float64 {
	if kernels.Exact() {
		return 0
	}
	return 4
}

const q8 = binding.KVQ8

func small() executor.Options {
	return executor.Options{
		Cells:     256,
		Batch:     64,
		Sequences: 4,
		Threads:   compute.Threads{Count: 1, Poll: 50},
		Flash:     binding.FlashAuto,
		K:         binding.KVF16,
		V:         binding.KVF16,
		Pooling:   executor.PoolMean,
	}
}

func open(t testing.TB, path string, o executor.Options) *executor.Executor {
	t.Helper()
	binding.Start()
	model, err := binding.LoadModel(path, binding.ModelParams{})
	require.NoError(t, err)
	t.Cleanup(model.Free)
	x, err := executor.New(model, o)
	require.NoError(t, err)
	t.Cleanup(x.Close)
	return x
}

func TestExecutor(t *testing.T) {
	for name, path := range map[string]string{"SmolLM2": testmodel.SmolLM2(t), "Gemma3": testmodel.Gemma3(t)} {
		t.Run(name, func(t *testing.T) {
			x := open(t, path, small())
			enginetest.TestExecutor(t, enginetest.Options{
				New:       func(*testing.T) engine.Executor { return x },
				Tolerance: rounding(),
				Tokens:    words(t, path),
			})
		})
	}
}

// words are the tokens of a text, at least 24.
func words(t testing.TB, path string) []int32 {
	t.Helper()
	binding.Start()
	model, err := binding.LoadModel(path, binding.ModelParams{})
	require.NoError(t, err)
	defer model.Free()
	tokens, err := model.Tokenize("Once upon a time there was a small house at the end of a long road, and in it lived an old man who had three daughters and a dog.", false, false)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(tokens), 24)
	return tokens
}
