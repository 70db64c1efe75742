package fake_test

import (
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
	"github.com/kakeyad/kakeyad/core/plugin/codec/fake"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// BenchmarkPlacement measures what it costs to have a codec in another process: its calls through
// the link with either bell, and through gRPC with the TLS that a plugin has. Mode none does next
// to nothing with the vectors: what remains is the way there and back.
func BenchmarkPlacement(b *testing.B) {
	impl := fake.New(fake.Config{})
	p := start(b, fake.Config{})
	for _, c := range []struct {
		where string
		codec codec.Codec
	}{
		{"direct", impl},
		{"futex", p.dial(b, link.Options{Bell: link.BellFutex})},
		{"socket", p.dial(b, link.Options{Bell: link.BellSocket})},
		{"grpc", p},
	} {
		b.Run(c.where, func(b *testing.B) {
			codectest.Benchmark(b, &codectest.Env{Codec: c.codec, Params: codec.Params{"mode": fake.ModeNone}})
		})
	}
}
