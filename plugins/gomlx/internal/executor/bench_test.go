package executor_test

import (
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	e8 "github.com/kakeyad/kakeyad/plugins/e8codec/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/testplugin"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
)

// BenchmarkStep computes steps of so many tokens behind a context, for each kind of matrices and cache.
func BenchmarkStep(b *testing.B) {
	for _, kinds := range [][2]dtypes.DType{
		{dtypes.Int8, dtypes.Float16}, {dtypes.Int8, dtypes.Float32}, {dtypes.BFloat16, dtypes.Float32}, {dtypes.Float32, dtypes.Float32},
	} {
		b.Run(fmt.Sprintf("weights=%s,cache=%s", kinds[0], kinds[1]), func(b *testing.B) {
			x := open(b, testmodel.SmolLM2(b), kinds[0], kinds[1], executor.Options{Cells: 4096, Batch: 256, Sequences: 16})
			for _, context := range []int{128, 1024, 3700} {
				b.Run(fmt.Sprintf("context=%d", context), func(b *testing.B) { benchmarkContext(b, x, context) })
			}
		})
	}
}

func benchmarkContext(b *testing.B, x *executor.Executor, context int) {
	for at := 0; at < context; {
		n := min(256, context-at)
		require.NoError(b, x.Step(items(at, n, false)))
		at += n
	}
	defer x.SeqRemove(0, 0, -1)
	for _, tokens := range []int{1, 2, 4, 8, 64, 256} {
		b.Run(fmt.Sprintf("tokens=%d", tokens), func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, x.Step(items(context, tokens, true)))
				x.SeqRemove(0, int32(context), -1)
			}
			b.ReportMetric(float64(b.N*tokens)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// BenchmarkContext generates behind contexts, with a cache of 16-bit numbers and with one that stays packed, and tells what
// a token takes in each.
func BenchmarkContext(b *testing.B) {
	o := executor.Options{Cells: 4352, Batch: 256, Sequences: 1, Sinks: 1, Tokens: []int{1, 256}}
	for _, q := range []string{"", "38", "10", "4"} {
		kept := model.Options{Weights: dtypes.Int8, Cache: dtypes.Float16}
		name := "f16"
		if q != "" {
			name = "e8-q" + q
			kept.Packed, kept.Exact = packedBy(b, kv.InProcess(e8.New(lattice.E8, "bench"), 0, codec.Params{"q": q})), o.Exact()
		}
		x := openWith(b, testplugin.CPU(b), testmodel.SmolLM2(b), kept, o)
		at := 0
		for _, context := range []int{128, 1024, 4096} {
			for at < context {
				n := min(256, context-at)
				require.NoError(b, x.Step(items(at, n, false)))
				at += n
			}
			b.Run(fmt.Sprintf("cache=%s/context=%d", name, context), func(b *testing.B) {
				for b.Loop() {
					require.NoError(b, x.Step(items(context, 1, true)))
					x.SeqRemove(0, int32(context), -1)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
				b.ReportMetric(float64(x.CacheBytes())/float64(o.Cells), "B/token")
			})
		}
	}
}

func items(at, n int, output bool) (out []engine.Item) {
	for i := range n {
		out = append(out, engine.Item{Token: int32(100 + (at+i)*7%3000), Pos: int32(at + i), Output: output && i == n-1})
	}
	return out
}
