package engine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Whatever the rhythm of putting and fetching, the events add up to what was put, and an event
// that was fetched never changes.
func TestOutboxAddsUp(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		o := newOutbox()
		var put, got []backend.Token
		var text string
		var kept []backend.Event
		var copies [][]backend.Token
		fetch := func() {
			e, ok := o.fetch()
			if !ok {
				return
			}
			text += e.Text
			got = append(got, e.Tokens...)
			if len(e.Logprobs) != len(e.Tokens) {
				t.Fatalf("%d log-probabilities for %d tokens", len(e.Logprobs), len(e.Tokens))
			}
			kept, copies = append(kept, e), append(copies, slices.Clone(e.Tokens))
		}
		const n = 1000
		for i := range backend.Token(n) {
			put = append(put, i)
			o.put(piece{drawn: true, token: i, text: "é", logprob: &backend.TokenLogprob{Token: i}})
			if random.IntN(int(seed)+1) == 0 {
				fetch()
			}
		}
		fetch()
		if !slices.Equal(got, put) || len(text) != n*len("é") {
			t.Fatalf("seed %d: %d tokens and %d bytes came of %d tokens", seed, len(got), len(text), n)
		}
		for i, e := range kept {
			if !slices.Equal(e.Tokens, copies[i]) {
				t.Fatalf("seed %d: event %d changed after it was fetched", seed, i)
			}
		}
		if _, ok := o.fetch(); ok {
			t.Fatal("an event came twice")
		}
	}
}
