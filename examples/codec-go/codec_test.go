package main

import (
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// The codec keeps its contract, here and through a link's shared memory.
func TestConformance(t *testing.T) {
	t.Run("here", func(t *testing.T) { codectest.Run(t, &codectest.Env{Codec: newPlugin()}) })
	t.Run("link", func(t *testing.T) {
		l, err := codectest.Link(t.Context(), newPlugin(), nil, link.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}()
		codectest.Run(t, &codectest.Env{Codec: l})
	})
}

// Whatever a frame is, decoding it neither panics nor takes it for a good one that it is not.
func FuzzDecode(f *testing.F) {
	shape := codec.Shape{Layers: 2, KVHeads: 1, HeadDim: 4, Type: codec.F32}
	s := &stream{shape: shape}
	page := codectest.Page(shape, 2, 1)
	good, err := s.Encode(f.Context(), nil, page...)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, frame []byte) {
		if err := s.Decode(t.Context(), frame, codectest.Page(shape, 2, 2)...); err == nil && string(frame[:headSize]) != string(good[:headSize]) {
			t.Error("a frame with another head was taken")
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	codectest.Benchmark(b, &codectest.Env{Codec: newPlugin()})
}
