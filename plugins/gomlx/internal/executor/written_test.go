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
)

func openWith(t testing.TB, plugin, path string, m model.Options, o executor.Options) *executor.Executor {
	t.Helper()
	return openLive(t, plugin, path, m, o, executor.LiveOptions{})
}

// openLive opens an executor, with a codec that acts in steps if one is given.
func openLive(t testing.TB, plugin, path string, m model.Options, o executor.Options, l executor.LiveOptions) *executor.Executor {
	t.Helper()
	f, err := weights.Open(path)
	require.NoError(t, err)
	defer f.Close()
	c, err := arch.Read(f)
	require.NoError(t, err)
	d, err := device.Open(plugin, 0)
	require.NoError(t, err)
	if m.Packed != nil && m.Packs == nil {
		for range c.Layers {
			m.Packs = append(m.Packs, true)
		}
	}
	loaded, err := model.Load(context.Background(), f, d, c, m, func(float32) {})
	require.NoError(t, err)
	t.Cleanup(loaded.Free)
	x, err := executor.New(loaded, o)
	require.NoError(t, err)
	t.Cleanup(x.Close)
	if l.Codec != nil {
		require.NoError(t, x.Live(context.Background(), l))
	}
	require.NoError(t, x.Compile(func(float32) error { return nil }))
	return x
}

// TestWritten holds programs that write the cache to the same goldens and the same suite as those beside which the host does.
func TestWritten(t *testing.T) {
	all := goldens(t)
	for _, name := range architectures {
		t.Run(name, func(t *testing.T) {
			g := all[name]
			x := openWith(t, testplugin.CPU(t), "testdata/"+name+".gguf", model.Options{Weights: dtypes.Float32, Cache: dtypes.Float32, Written: true}, small)
			require.NoError(t, x.Step(steps(0, 0, g.Tokens)))
			for i, want := range g.Logits {
				near(t, want, x.Logits(i), 1e-3)
			}
			for i := range g.Tokens {
				require.NoError(t, x.Step(steps(1, i, g.Tokens[i:i+1])))
				near(t, g.Logits[i], x.Logits(0), 1e-3)
			}
			require.True(t, x.SeqRemove(0, 0, -1))
			require.True(t, x.SeqRemove(1, 0, -1))
			enginetest.TestExecutor(t, enginetest.Options{New: func(*testing.T) engine.Executor { return x }, Tolerance: 1e-3})
		})
	}
}
