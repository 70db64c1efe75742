package engine

import (
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// planned makes a request that has computed some of its tokens, as many of them drawn.
func planned(seq SeqID, tokens, prompt, computed, outputFrom int) *request {
	r := newRequest(nil, make([]backend.Token, tokens))
	r.prompt, r.outputFrom = prompt, outputFrom
	r.seq = &sequence{id: seq, tokens: make([]backend.Token, computed), owner: r}
	return r
}

func TestPlan(t *testing.T) {
	generating := planned(0, 11, 10, 10, 10)
	prefilling := func(seq SeqID, pending int) *request { return planned(seq, pending+5, pending+5, 5, pending+4) }
	scoring := planned(9, 100, 100, 0, 20)
	for _, tc := range []struct {
		name       string
		active     []*request
		maxOutputs int
		items      map[SeqID]int
		outputs    int
	}{
		{"generating alone", []*request{generating}, 100, map[SeqID]int{0: 1}, 1},
		{"prefilling alone fills the batch", []*request{prefilling(1, 200)}, 100, map[SeqID]int{1: 64}, 0},
		{"prefilling beside generating is a chunk", []*request{generating, prefilling(1, 200)}, 100, map[SeqID]int{0: 1, 1: 16}, 1},
		{"a chunk is shared", []*request{generating, prefilling(1, 200), prefilling(2, 200)}, 100, map[SeqID]int{0: 1, 1: 8, 2: 8}, 1},
		{"what one does not need another has", []*request{prefilling(1, 200), prefilling(2, 4)}, 100, map[SeqID]int{1: 60, 2: 4}, 1},
		{"outputs of scoring are bounded", []*request{scoring}, 10, map[SeqID]int{9: 30}, 10},
		{"and shared", []*request{scoring, generating}, 10, map[SeqID]int{9: 16, 0: 1}, 1},
		{"one output always fits", []*request{prefilling(1, 3), prefilling(2, 4), prefilling(3, 5)}, 1, map[SeqID]int{1: 3, 2: 4, 3: 5}, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p plan
			for range 2 { // the slices are reused
				p.make(tc.active, 64, 16, tc.maxOutputs)
			}
			items, outputs := map[SeqID]int{}, 0
			for _, it := range p.items {
				items[it.Seq]++
				if it.Output {
					outputs++
				}
			}
			for seq, n := range tc.items {
				if items[seq] != n {
					t.Errorf("sequence %d has %d items, want %d", seq, items[seq], n)
				}
			}
			if len(items) != len(tc.items) || outputs != tc.outputs || p.outputs != outputs {
				t.Errorf("items %v with %d outputs, %d counted; want %v with %d", items, outputs, p.outputs, tc.items, tc.outputs)
			}
			next := 0
			for _, q := range p.parts {
				if q.first != next {
					t.Errorf("part of sequence %d has its first output at %d, want %d", q.r.seq.id, q.first, next)
				}
				next += q.outputs
			}
		})
	}
}
