package engine_test

import (
	"context"
	"testing"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// instant is an executor that takes no time: what is left is the engine's own.
type instant struct {
	limits engine.Limits
	logits []float32
}

func newInstant(vocabulary int) *instant {
	x := &instant{limits: engine.Limits{Sequences: 8, Cells: 1 << 16, Batch: 512, Vocabulary: vocabulary, CopyIsFree: true}}
	x.logits = enginetest.Logits(nil, vocabulary, func([]backend.Token) backend.Token { return 'x' })
	return x
}

func (x *instant) Limits() engine.Limits                          { return x.limits }
func (x *instant) Step([]engine.Item) error                       { return nil }
func (x *instant) Logits(int) []float32                           { return x.logits }
func (x *instant) SeqRemove(engine.SeqID, int32, int32) bool      { return true }
func (x *instant) SeqCopy(engine.SeqID, engine.SeqID, int32) bool { return true }
func (x *instant) Interrupt()                                     {}

// large is a vocabulary of the size of a real one.
type large struct{ enginetest.Vocabulary }

func (large) Size() int { return 49152 }

func (large) Piece(t backend.Token, special bool) []byte {
	return enginetest.Vocabulary{}.Piece(t%256, special)
}

// BenchmarkToken measures what the engine adds to a step of one stream, a token each; at the
// larger vocabulary it is mostly the greedy draw.
func BenchmarkToken(b *testing.B) {
	for _, bc := range []struct {
		name string
		exec *instant
		v    engine.Vocabulary
	}{
		{"loop", newInstant(enginetest.Vocabulary{}.Size()), enginetest.Vocabulary{}},
		{"loop and draw of 49152", newInstant(49152), large{}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			e, err := engine.New(bc.exec, bc.v, engine.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close(context.Background())
			b.ReportAllocs()
			b.ResetTimer()
			for left := b.N; left > 0; {
				n := min(left, 1<<15)
				left -= n
				req := backend.GenerateRequest{Prompt: text("p"), MaxTokens: n, NoCache: true}
				if err := e.Generate(b.Context(), req, func(backend.Event) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
