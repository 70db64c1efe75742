package executor_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/testplugin"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
)

// golden is what testdata/reference.py computed in numpy.
type golden struct {
	Tokens     []int32
	Logits     [][]float64
	FirstLayer []float64 `json:"first_layer"`
}

func goldens(t *testing.T) (g map[string]golden) {
	t.Helper()
	text, err := os.ReadFile("testdata/goldens.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &g))
	return g
}

var architectures = []string{"llama", "qwen2", "qwen3", "gemma3"}

// devices are plugins that all architectures are tried on; "": pure Go.
func devices(t *testing.T) map[string]string {
	return map[string]string{"XLA": testplugin.CPU(t), "pure Go": ""}
}

// TestReference holds each architecture's logits against a numpy reference, for small random models: all tokens at once,
// and one after the other.
func TestReference(t *testing.T) {
	all := goldens(t)
	for device, plugin := range devices(t) {
		for _, name := range architectures {
			t.Run(device+" "+name, func(t *testing.T) {
				g := all[name]
				x := openOn(t, plugin, "testdata/"+name+".gguf", dtypes.Float32, dtypes.Float32, small)
				require.NoError(t, x.Step(steps(0, 0, g.Tokens)))
				for i, want := range g.Logits {
					near(t, want, x.Logits(i), 1e-3)
				}
				for i := range g.Tokens {
					require.NoError(t, x.Step(steps(1, i, g.Tokens[i:i+1])))
					near(t, g.Logits[i], x.Logits(0), 1e-3)
				}
			})
		}
	}
}

// TestReferenceExecutor runs the executor's suite on small models in pure Go too.
func TestReferenceExecutor(t *testing.T) {
	for _, name := range architectures {
		t.Run(name, func(t *testing.T) {
			x := openOn(t, "", "testdata/"+name+".gguf", dtypes.Float32, dtypes.Float32, small)
			enginetest.TestExecutor(t, enginetest.Options{
				New:       func(*testing.T) engine.Executor { return x },
				Tolerance: 1e-3,
			})
		})
	}
}

// TestSmolLM2Reference holds a real model's logits, and what its first layer leaves, against the numpy reference, which
// dequantises the same weights.
func TestSmolLM2Reference(t *testing.T) {
	g := goldens(t)["smollm2"]
	x := open(t, testmodel.SmolLM2(t), dtypes.Float32, dtypes.Float32, small)
	require.NoError(t, x.Tap([]int{0}))
	its := steps(0, 0, g.Tokens)
	require.NoError(t, x.Step(its))
	near(t, g.FirstLayer, x.Features(len(its)-1), 1e-3)
	near(t, g.Logits[0], x.Logits(len(its) - 1)[:len(g.Logits[0])], 2e-3)
}

func steps(seq engine.SeqID, at int, tokens []int32) (out []engine.Item) {
	for i, t := range tokens {
		out = append(out, engine.Item{Token: t, Pos: int32(at + i), Seq: seq, Output: true})
	}
	return out
}

func near(t *testing.T, want []float64, got []float32, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.InDelta(t, want[i], got[i], tolerance, "number %d", i)
	}
}
