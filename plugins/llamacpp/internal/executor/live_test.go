package executor_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	e8 "github.com/kakeyad/kakeyad/plugins/e8codec/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
	"github.com/kakeyad/kakeyad/plugins/internal/testcodec"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kernels"
)

// tested are the models, with what a codec must know of them.
func tested(t testing.TB) map[string]struct {
	path  string
	shape codec.Shape
} {
	return map[string]struct {
		path  string
		shape codec.Shape
	}{
		"SmolLM2": {testmodel.SmolLM2(t), codec.Shape{Layers: 30, KVHeads: 3, HeadDim: 64}},
		"Gemma3":  {testmodel.Gemma3(t), codec.Shape{Layers: 18, KVHeads: 1, HeadDim: 256}},
	}
}

var q38 = codec.Params{"q": "38"}

// flash is what the plugin does wherever it can, and what makes cells readable.
func flash() executor.Options {
	o := small()
	o.Flash = binding.FlashAuto
	return o
}

func local() codec.Codec { return e8.New(lattice.E8, "test") }

// openLive opens an executor whose vectors pass a codec.
func openLive(t testing.TB, path string, o executor.Options, live executor.LiveOptions) *executor.Executor {
	t.Helper()
	o.Live = &live
	x := open(t, path, o)
	require.NoError(t, x.Warm(1))
	return x
}

// linked is the codec of a process, bound as a model's.
func linked(t testing.TB, p *testcodec.Plugin, params map[string]string) *kv.Codec {
	t.Helper()
	c, err := kv.Dial(t.Context(), p.Link(t, params))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// textItems are the tokens of a text as one sequence, the last with an output.
func textItems(seq engine.SeqID, from int, tokens []int32) []engine.Item {
	var items []engine.Item
	for i, token := range tokens {
		items = append(items, engine.Item{Token: token, Pos: int32(from + i), Seq: seq, Output: i == len(tokens)-1})
	}
	return items
}

// computeText runs a text in a step and single steps, and returns the logits of all of them.
func computeText(t testing.TB, x *executor.Executor, seq engine.SeqID, tokens []int32, prompt int) [][]float32 {
	t.Helper()
	var logits [][]float32
	for _, items := range append([][]engine.Item{textItems(seq, 0, tokens[:prompt])}, singles(seq, prompt, tokens[prompt:])...) {
		require.NoError(t, x.Step(items))
		logits = append(logits, slices.Clone(x.Logits(0)))
	}
	return logits
}

func singles(seq engine.SeqID, from int, tokens []int32) (steps [][]engine.Item) {
	for i := range tokens {
		steps = append(steps, textItems(seq, from+i, tokens[i:i+1]))
	}
	return steps
}

// recorder notes what passes through a codec.
type recorder struct {
	codec.Codec
	before, after map[header][]byte
}

type header struct {
	layer int
	part  codec.Part
	pos   int
}

type recorded struct {
	codec.Stream
	r *recorder
}

func (r *recorder) Open(ctx context.Context, s codec.Shape, p codec.Params) (codec.Stream, error) {
	stream, err := r.Codec.Open(ctx, s, p)
	return &recorded{stream, r}, err
}

func (s *recorded) RoundTrip(ctx context.Context, v ...codec.Vectors) error {
	for _, x := range v {
		s.r.before[header{x.Layer, x.Part, x.Pos}] = slices.Clone(x.Data)
	}
	err := s.Stream.RoundTrip(ctx, v...)
	for _, x := range v {
		s.r.after[header{x.Layer, x.Part, x.Pos}] = slices.Clone(x.Data)
	}
	return err
}

// toF16 is what the cache makes of f32.
func toF16(data []byte) []byte {
	n := len(data) / 4
	x, out := make([]float32, n), make([]byte, 2*n)
	codec.F32.Load(x, data)
	codec.F16.Store(out, x)
	return out
}

// TestLive holds what the cache has after steps of all shapes against an in-process round trip of
// what went in, and what must be exact against the cells of a run without a codec.
func TestLive(t *testing.T) {
	for name, m := range tested(t) {
		t.Run(name, func(t *testing.T) {
			const boundary, sinks = 2, 3
			tokens := words(t, m.path)[:24]
			plain := open(t, m.path, flash())
			computeText(t, plain, 0, tokens, 16)
			exact := plain.Rows(0, 0, 24)

			r := &recorder{Codec: local(), before: map[header][]byte{}, after: map[header][]byte{}}
			x := openLive(t, m.path, flash(), executor.LiveOptions{
				Codec: kv.InProcess(r, boundary, q38), Shape: m.shape, Sinks: sinks,
			})
			logits := computeText(t, x, 0, tokens, 16)
			shape := m.shape
			shape.Type = codec.F32
			reference, err := local().Open(t.Context(), shape, q38)
			require.NoError(t, err)
			differ := 0
			for i, rows := range x.Rows(0, 0, 24) {
				part := codec.Key + codec.Part(i%2)
				size := len(rows.Data) / 24
				for pos := range 24 {
					row, want := rows.Data[pos*size:(pos+1)*size], exact[i].Data[pos*size:(pos+1)*size]
					h := header{rows.Layer, part, pos}
					outside := rows.Layer < boundary || rows.Layer >= m.shape.Layers-boundary
					if outside || pos < sinks {
						require.NotContains(t, r.before, h)
						if rows.Layer <= boundary || pos == 0 {
							require.Equal(t, want, row, "%+v is not exact", h)
						}
						continue
					}
					data := slices.Clone(r.before[h])
					require.NoError(t, reference.RoundTrip(t.Context(), codec.Vectors{Layer: h.layer, Part: part, Pos: pos, Tokens: 1, Data: data}))
					require.Equal(t, data, r.after[h])
					require.Equal(t, toF16(data), row, "%+v", h)
					if rows.Layer == boundary {
						require.Equal(t, want, toF16(r.before[h]), "%+v: what went in is not what the model computed", h)
					}
					if !bytes.Equal(want, row) {
						differ++
					}
				}
			}
			require.Greater(t, differ, 500, "the codec changes something")

			t.Run("process", func(t *testing.T) {
				p := testcodec.Start(t, testcodec.E8)
				x := openLive(t, m.path, flash(), executor.LiveOptions{
					Codec: linked(t, p, map[string]string{"q": "38", "boundary": "2"}), Shape: m.shape, Sinks: sinks,
				})
				require.Equal(t, logits, computeText(t, x, 0, tokens, 16))
				if runtime.GOOS == "linux" {
					require.Equal(t, m.shape.Layers-2*boundary, x.Trips(), "calls without Go")
				}
			})

			// The codec is called within the computation where that can be, with any number of threads, and else between its parts.
			t.Run("threads", func(t *testing.T) {
				o := flash()
				o.Threads.Count = 2
				before := kernels.Rows.Calls()
				x := openLive(t, m.path, o, executor.LiveOptions{Codec: kv.InProcess(local(), boundary, q38), Shape: m.shape, Sinks: sinks})
				require.Equal(t, logits, computeText(t, x, 0, tokens, 16))
				if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
					const graphs = 1 + 1 + 8 // to learn, the prompt, single tokens
					require.EqualValues(t, graphs*(m.shape.Layers-2*boundary), kernels.Rows.Calls()-before)
				}
			})
			t.Run("between", func(t *testing.T) {
				kernels.Rows.Enable(false)
				t.Cleanup(func() { kernels.Rows.Enable(true) })
				x := openLive(t, m.path, flash(), executor.LiveOptions{Codec: kv.InProcess(local(), boundary, q38), Shape: m.shape, Sinks: sinks})
				require.Equal(t, logits, computeText(t, x, 0, tokens, 16))
			})
		})
	}
}

// TestLiveBatch computes several sequences in steps together: each has the cells of that sequence alone.
func TestLiveBatch(t *testing.T) {
	m := tested(t)["SmolLM2"]
	tokens := words(t, m.path)[:24]
	options := executor.LiveOptions{Codec: kv.InProcess(local(), 0, q38), Shape: m.shape, Sinks: 1}
	x := openLive(t, m.path, flash(), options)
	require.NoError(t, x.Step(slices.Concat(textItems(0, 0, tokens[:9]), textItems(1, 0, tokens[5:7]), textItems(2, 0, tokens[:1]))))
	require.NoError(t, x.Step(slices.Concat(textItems(2, 1, tokens[1:9]), textItems(1, 2, tokens[7:8]), textItems(0, 9, tokens[9:10]))))
	// Layer 0's vectors depend on their own token and position alone, whatever step they were in.
	a, b := x.Rows(0, 0, 9), x.Rows(2, 0, 9)
	require.Equal(t, a[:2], b[:2])
	require.True(t, x.SeqCopy(0, 3, 9))
	require.Equal(t, a, x.Rows(3, 0, 9))
}

// TestRecent follows which tokens are exact while a text grows, is cut and grows again.
func TestRecent(t *testing.T) {
	for name, kvType := range map[string]bool{"f16": false, "q8_0": true} {
		t.Run(name, func(t *testing.T) {
			m := tested(t)["SmolLM2"]
			tokens := words(t, m.path)[:24]
			const sinks, recent = 1, 5
			o := flash()
			if kvType {
				o.K, o.V = q8, q8
			}
			plain := open(t, m.path, o)
			computeText(t, plain, 0, tokens, 12)
			exact := plain.Rows(0, 0, 24)
			x := openLive(t, m.path, o, executor.LiveOptions{
				Codec: kv.InProcess(local(), 0, codec.Params{"q": "4"}), Shape: m.shape, Sinks: sinks, Recent: recent,
			})
			check := func(n int) {
				t.Helper()
				rows := x.Rows(0, 0, int32(n))
				for i := range 2 { // of layer 0, which depends on nothing before it
					size := len(rows[i].Data) / n
					for pos := range n {
						same := bytes.Equal(rows[i].Data[pos*size:(pos+1)*size], exact[i].Data[pos*size:(pos+1)*size])
						require.Equal(t, pos < sinks || pos >= n-recent, same, "%d tokens, position %d, part %d", n, pos, i)
					}
				}
			}
			require.NoError(t, x.Step(textItems(0, 0, tokens[:12])))
			check(12)
			for n := 13; n <= 20; n++ {
				require.NoError(t, x.Step(textItems(0, n-1, tokens[n-1:n])))
				check(n)
			}
			aged := x.Rows(0, 0, 15)
			require.NoError(t, x.Step(textItems(0, 20, tokens[20:24])))
			check(24)
			require.Equal(t, aged, x.Rows(0, 0, 15), "what has aged does not age again")
			require.True(t, x.SeqRemove(0, 12, -1))
			require.NoError(t, x.Step(textItems(0, 12, tokens[12:14])))
			require.Equal(t, aged[0].Data[:len(aged[0].Data)*12/15], x.Rows(0, 0, 12)[0].Data)
		})
	}
}

// TestCodecDies kills the codec between steps: steps fail from then on, and never go on without it.
func TestCodecDies(t *testing.T) {
	m := tested(t)["SmolLM2"]
	tokens := words(t, m.path)[:24]
	p := testcodec.Start(t, testcodec.E8)
	x := openLive(t, m.path, flash(), executor.LiveOptions{Codec: linked(t, p, q38), Shape: m.shape, Sinks: 1})
	require.NoError(t, x.Step(textItems(0, 0, tokens[:8])))
	p.Kill(t)
	require.ErrorIs(t, x.Step(textItems(0, 8, tokens[8:9])), base.ErrPluginGone)
	require.ErrorIs(t, x.Step(textItems(1, 0, tokens[:8])), base.ErrPluginGone)
	require.Nil(t, x.Rows(0, 0, 9), "the failed step left its cells")
	require.NotNil(t, x.Rows(0, 0, 8))
}

// TestCodecStops has the codec die, or not answer in time, while a step waits for it.
func TestCodecStops(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("no calls without Go here")
	}
	m := tested(t)["SmolLM2"]
	tokens := words(t, m.path)[:24]
	for name, kills := range map[string]bool{"dies": true, "hangs": false} {
		t.Run(name, func(t *testing.T) {
			p := testcodec.Start(t, testcodec.E8)
			l := p.Link(t, q38)
			l.Patience = time.Second
			if kills {
				l.Patience = time.Hour
			}
			c, err := kv.Dial(t.Context(), l)
			require.NoError(t, err)
			t.Cleanup(func() { _ = c.Close() })
			x := openLive(t, m.path, flash(), executor.LiveOptions{Codec: c, Shape: m.shape, Sinks: 1})
			require.NoError(t, x.Step(textItems(0, 0, tokens[:8])))
			asked := x.Asked()
			p.Signal(t, syscall.SIGSTOP)
			if !kills {
				t.Cleanup(func() { p.Kill(t) }) // what is stopped cannot be asked to end
			}
			failed := make(chan error)
			go func() { failed <- x.Step(textItems(0, 8, tokens[8:9])) }()
			if kills {
				require.Eventually(t, asked, time.Minute, time.Millisecond)
				p.Kill(t)
			}
			err = <-failed
			require.ErrorIs(t, err, base.ErrPluginGone)
			require.Equal(t, !kills, errors.Is(err, base.ErrHung), "%v", err)
			require.ErrorIs(t, x.Step(textItems(0, 8, tokens[8:9])), base.ErrPluginGone)
			require.Nil(t, x.Rows(0, 0, 9), "the failed step left its cells")
			require.NotNil(t, x.Rows(0, 0, 8))
		})
	}
}
