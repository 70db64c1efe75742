package fake_test

import (
	"context"
	"io"
	"strconv"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
)

// BenchmarkGenerateStream measures what the wire costs: a call of one token, and the tokens of a
// long answer, in this process without a wire, over the wire, and to a process of its own with
// TLS as the host starts it.
func BenchmarkGenerateStream(b *testing.B) {
	for _, end := range []struct {
		name    string
		backend func(b *testing.B) backend.Backend
	}{
		{"direct", func(*testing.B) backend.Backend { return fake.New(fake.Config{}) }},
		{"wire", func(b *testing.B) backend.Backend { return connect(b, fake.Config{}) }},
		{"process", dispense},
	} {
		b.Run(end.name, func(b *testing.B) {
			impl := end.backend(b)
			id := backend.ModelID("bench")
			req := backend.LoadRequest{ID: id, Path: modelFile(b)}
			if _, err := impl.LoadModel(b.Context(), req, nil); err != nil {
				b.Fatal(err)
			}
			b.Run("call", func(b *testing.B) { generate(b, impl, id, 1) })
			b.Run("token", func(b *testing.B) { generate(b, impl, id, 2000) })
			b.Run("tokens-of-8", func(b *testing.B) { generateMany(b, impl, id, 8, 2000) })
		})
	}
}

func dispense(b *testing.B) backend.Backend {
	impl, _, err := backend.Dispense(b.Context(), host(b, command(b, fake.Config{}), io.Discard))
	if err != nil {
		b.Fatal(err)
	}
	return impl
}

// generate runs b.N tokens in answers of so many.
func generate(b *testing.B, impl backend.Backend, id backend.ModelID, tokens int) {
	b.ReportAllocs()
	for done := 0; done < b.N; done += tokens {
		if err := ask(b.Context(), impl, id, min(tokens, b.N-done)); err != nil {
			b.Fatal(err)
		}
	}
}

// generateMany runs b.N tokens in so many streams at once.
func generateMany(b *testing.B, impl backend.Backend, id backend.ModelID, streams, tokens int) {
	b.ReportAllocs()
	b.SetParallelism(streams)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := 1
			for n < tokens && pb.Next() {
				n++
			}
			if err := ask(b.Context(), impl, id, n); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func ask(ctx context.Context, impl backend.Backend, id backend.ModelID, tokens int) error {
	return impl.Generate(ctx, backend.GenerateRequest{
		Model:     id,
		RequestID: strconv.Itoa(tokens),
		Prompt:    backend.Prompt{Text: "Once upon a time"},
		Sampling:  backend.Sampling{IgnoreEOS: true},
		MaxTokens: tokens,
		NoCache:   true,
	}, func(backend.Event) error { return nil })
}
