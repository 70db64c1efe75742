package executor_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/sampling"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/internal/testcodec"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/compute"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
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
	s := newStreams(b, open(b, testmodel.SmolLM2(b), benchmarkOptions()), streams)
	for b.Loop() {
		s.step(b)
	}
	b.ReportMetric(float64(streams)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// BenchmarkLive measures what a live codec costs generation: an identity in a process of its own, which is
// what the way costs, and e8. Each operation is a round in which all take turns, so that what the machine
// does beside falls on all; the medians of the rounds' ratios to no codec are reported.
func BenchmarkLive(b *testing.B) {
	m := tested(b)["SmolLM2"]
	for _, streams := range []int{1, 4} {
		b.Run(fmt.Sprint(streams), func(b *testing.B) {
			bind := func(pkg string, params map[string]string) *stream {
				x := openLive(b, m.path, benchmarkOptions(), executor.LiveOptions{
					Codec: linked(b, testcodec.Start(b, pkg), params), Shape: m.shape, Sinks: 1,
				})
				return newStreams(b, x, streams)
			}
			plain := newStreams(b, open(b, m.path, benchmarkOptions()), streams)
			contenders := map[string]*stream{
				"identity": bind(testcodec.Fake, map[string]string{"mode": "none"}),
				"e8-q38":   bind(testcodec.E8, q38),
			}
			ratios := map[string][]float64{}
			const steps = 64
			for b.Loop() {
				base := plain.run(b, steps)
				for name, c := range contenders {
					ratios[name] = append(ratios[name], base.Seconds()/c.run(b, steps).Seconds())
				}
			}
			for name, r := range ratios {
				slices.Sort(r)
				b.ReportMetric(r[len(r)/2], name+"/none")
			}
		})
	}
}

// stream generates greedily in some sequences at once, from the beginning again after generationLength.
type stream struct {
	x      *executor.Executor
	greedy *sampling.Sampler
	items  []engine.Item
	pos    int
}

func newStreams(b *testing.B, x *executor.Executor, streams int) *stream {
	b.Helper()
	greedy, err := sampling.New(backend.Sampling{}, x.Limits().Vocabulary)
	require.NoError(b, err)
	return &stream{x: x, greedy: greedy, items: make([]engine.Item, streams), pos: generationLength}
}

func (s *stream) run(b *testing.B, steps int) time.Duration {
	b.Helper()
	began := time.Now()
	for range steps {
		s.step(b)
	}
	return time.Since(began)
}

func (s *stream) step(b *testing.B) {
	b.Helper()
	if s.pos == generationLength {
		s.pos = 0
		for i := range s.items {
			s.x.SeqRemove(engine.SeqID(i), 0, -1)
			s.items[i] = engine.Item{Token: 1, Seq: engine.SeqID(i), Output: true}
		}
	}
	require.NoError(b, s.x.Step(s.items))
	s.pos++
	var err error
	for i := range s.items {
		s.items[i].Pos = int32(s.pos)
		s.items[i].Token, err = s.greedy.Sample(s.x.Logits(i), nil)
		require.NoError(b, err)
	}
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
