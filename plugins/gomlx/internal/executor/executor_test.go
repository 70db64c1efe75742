package executor_test

import (
	"context"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/arch"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/testplugin"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/weights"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
)

// small are options that compile little, and usual ones have all programs that there would be.
var (
	small = executor.Options{Cells: 512, Batch: 32, Sequences: 4, Tokens: []int{1, 8, 32}, Blocks: []int{2}}
	usual = executor.Options{Cells: 512, Batch: 32, Sequences: 4}
)

func open(t testing.TB, path string, kind, cache dtypes.DType, o executor.Options) *executor.Executor {
	t.Helper()
	return openOn(t, testplugin.CPU(t), path, kind, cache, o)
}

func openOn(t testing.TB, plugin, path string, kind, cache dtypes.DType, o executor.Options) *executor.Executor {
	t.Helper()
	f, err := weights.Open(path)
	require.NoError(t, err)
	defer f.Close()
	c, err := arch.Read(f)
	require.NoError(t, err)
	d, err := device.Open(plugin, 0)
	require.NoError(t, err)
	m, err := model.Load(context.Background(), f, d, c, model.Options{Weights: kind, Cache: cache}, func(float32) {})
	require.NoError(t, err)
	t.Cleanup(m.Free)
	x, err := executor.New(m, o)
	require.NoError(t, err)
	t.Cleanup(x.Close)
	require.NoError(t, x.Compile(func(float32) error { return nil }))
	return x
}

func TestExecutor(t *testing.T) {
	for _, tc := range []struct {
		name        string
		path        string
		kind, cache dtypes.DType
		tolerance   float64
		options     executor.Options
	}{
		{"SmolLM2 int8", testmodel.SmolLM2(t), dtypes.Int8, dtypes.Float16, 0.05, usual},
		{"Gemma3 int8", testmodel.Gemma3(t), dtypes.Int8, dtypes.Float32, 0.001, small},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := open(t, tc.path, tc.kind, tc.cache, tc.options)
			enginetest.TestExecutor(t, enginetest.Options{
				New:       func(*testing.T) engine.Executor { return x },
				Tolerance: tc.tolerance,
			})
		})
	}
}
