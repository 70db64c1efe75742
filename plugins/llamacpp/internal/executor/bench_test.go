package executor_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/sampling"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/compute"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/testcodec"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/testmodel"
)

// benchmarkOptions are the plugin's defaults.
func benchmarkOptions() executor.Options {
	return executor.Options{
		Cells:     4096,
		Batch:     512,
		Sequences: 16,
		Threads:   compute.Threads{Count: runtime.GOMAXPROCS(0), Poll: 50},
		Flash:     binding.FlashAuto,
		K:         binding.KVF16,
		V:         binding.KVF16,
	}
}

// generationLength is how many tokens a stream generates before it begins anew, as llama.cpp's own
// benchmark does.
const generationLength = 128

func BenchmarkDecode1(b *testing.B) { benchmarkDecode(b, 1) }
func BenchmarkDecode2(b *testing.B) { benchmarkDecode(b, 2) }
func BenchmarkDecode4(b *testing.B) { benchmarkDecode(b, 4) }
func BenchmarkDecode8(b *testing.B) { benchmarkDecode(b, 8) }

// benchmarkDecode generates greedily in some streams at once; an operation is one step.
func benchmarkDecode(b *testing.B, streams int) {
	decodeGreedily(b, open(b, testmodel.SmolLM2(b), benchmarkOptions()), streams)
}

// BenchmarkLive measures what a live codec costs: none at all, an identity in a process of its own,
// which is what the way costs, and e8. Compare within one run.
func BenchmarkLive(b *testing.B) {
	m := tested(b)["SmolLM2"]
	for _, streams := range []int{1, 4} {
		for _, c := range []struct {
			name, pkg string
			params    map[string]string
		}{
			{"none", "", nil},
			{"identity", testcodec.Fake, map[string]string{"mode": "none"}},
			{"e8-q38", testcodec.E8, q38},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, streams), func(b *testing.B) {
				if c.pkg == "" {
					decodeGreedily(b, open(b, m.path, benchmarkOptions()), streams)
					return
				}
				p := testcodec.Start(b, c.pkg)
				decodeGreedily(b, openLive(b, m.path, benchmarkOptions(), executor.LiveOptions{
					Codec: linked(b, p, c.params), Shape: m.shape, Sinks: 1,
				}), streams)
			})
		}
	}
}

func decodeGreedily(b *testing.B, x *executor.Executor, streams int) {
	greedy, err := sampling.New(backend.Sampling{}, x.Limits().Vocabulary)
	require.NoError(b, err)
	items := make([]engine.Item, streams)
	pos := generationLength
	for b.Loop() {
		if pos == generationLength {
			pos = 0
			for s := range items {
				x.SeqRemove(engine.SeqID(s), 0, -1)
				items[s] = engine.Item{Token: 1, Seq: engine.SeqID(s), Output: true}
			}
		}
		require.NoError(b, x.Step(items))
		pos++
		for s := range items {
			items[s].Pos = int32(pos)
			items[s].Token, err = greedy.Sample(x.Logits(s), nil)
			require.NoError(b, err)
		}
	}
	b.ReportMetric(float64(streams)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// BenchmarkStep measures one step of a number of tokens of one prompt: the batch curve.
func BenchmarkStep(b *testing.B) {
	x := open(b, testmodel.SmolLM2(b), benchmarkOptions())
	for n := 1; n <= 512; n *= 2 {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			items := prompt(n)
			for b.Loop() {
				x.SeqRemove(0, 0, -1)
				require.NoError(b, x.Step(items))
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// BenchmarkPrefill computes a prompt of 512 tokens in steps of some size.
func BenchmarkPrefill(b *testing.B) {
	x := open(b, testmodel.SmolLM2(b), benchmarkOptions())
	items := prompt(512)
	for n := 16; n <= 512; n *= 2 {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				x.SeqRemove(0, 0, -1)
				for from := 0; from < len(items); from += n {
					require.NoError(b, x.Step(items[from:from+n]))
				}
			}
			b.ReportMetric(float64(len(items))*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}

// prompt is n tokens of one sequence with an output at the end.
func prompt(n int) []engine.Item {
	items := make([]engine.Item, n)
	for i := range items {
		items[i] = engine.Item{Token: int32(100 + 7*i), Pos: int32(i), Output: i == n-1}
	}
	return items
}
