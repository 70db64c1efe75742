package codectest

import (
	"slices"
	"testing"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// BenchmarkShape is that of a small model: 30 layers of 3 heads of 64.
var BenchmarkShape = codec.Shape{Layers: 30, KVHeads: 3, HeadDim: 64, Type: codec.F32}

// allocator is who can say where vectors had best lie: a link.
type allocator interface {
	Alloc(n int) ([]byte, error)
	Free(b []byte)
}

// The metrics beside those of the package testing.
const (
	perSecond = "vectors/s"
	p50       = "p50-ns"
	p99       = "p99-ns"
)

// benchCase is one thing that a codec is used for.
type benchCase struct {
	name   string
	shape  codec.Shape
	tokens int
	calls  func(b *testing.B, s codec.Stream, v []codec.Vectors)
}

func benchCases() []benchCase {
	live := BenchmarkShape
	live.Layers = 1
	return []benchCase{
		{"live/step", live, 1, benchmarkLive},
		{"live/prompt", live, 512, benchmarkLive},
		{"page/encode", BenchmarkShape, PageTokens, benchmarkEncode},
		{"page/decode", BenchmarkShape, PageTokens, benchmarkDecode},
	}
}

// Benchmark measures what a codec is used for, with [BenchmarkShape]: the call of one layer in a
// decode step (its key and value of one token), the same of a prompt of 512 tokens, and packing and
// restoring a page. Where the codec gives out memory of its own, the vectors lie in it. MB/s count
// the vectors; vectors/s are of head_dim elements.
func Benchmark(b *testing.B, env *Env) {
	for _, c := range benchCases() {
		b.Run(c.name, func(b *testing.B) { c.run(b, env) })
	}
}

func (c benchCase) run(b *testing.B, env *Env) {
	s, err := env.Codec.Open(b.Context(), c.shape, env.Params)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	v, free := env.place(b, Page(c.shape, c.tokens, 1))
	defer free()
	bytes := 0
	for i := range v {
		bytes += len(v[i].Data)
	}
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	c.calls(b, s, v)
	vectors := 2 * c.shape.Layers * c.tokens * c.shape.KVHeads
	b.ReportMetric(float64(vectors)*float64(b.N)/b.Elapsed().Seconds(), perSecond)
}

// place moves vectors to where the codec had best find them.
func (e *Env) place(b *testing.B, v []codec.Vectors) (_ []codec.Vectors, free func()) {
	a, ok := e.Codec.(allocator)
	if !ok {
		return v, func() {}
	}
	for i := range v {
		data, err := a.Alloc(len(v[i].Data))
		if err != nil {
			b.Fatal(err)
		}
		copy(data, v[i].Data)
		v[i].Data = data
	}
	return v, func() {
		for i := range v {
			a.Free(v[i].Data)
		}
	}
}

func benchmarkLive(b *testing.B, s codec.Stream, v []codec.Vectors) {
	ctx := b.Context()
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := s.RoundTrip(ctx, v...); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), p50)
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), p99)
}

func benchmarkEncode(b *testing.B, s codec.Stream, v []codec.Vectors) {
	ctx := b.Context()
	var frame []byte
	for b.Loop() {
		var err error
		if frame, err = s.Encode(ctx, frame[:0], v...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(frame)), "frame-bytes")
}

func benchmarkDecode(b *testing.B, s codec.Stream, v []codec.Vectors) {
	ctx := b.Context()
	frame, err := s.Encode(ctx, nil, v...)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.Decode(ctx, frame, v...); err != nil {
			b.Fatal(err)
		}
	}
}
