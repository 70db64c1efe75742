package engine

import "slices"

// part is a request's share of a step: n tokens from index from on, of which the last outputs have
// logits, the first of them being the step's output number first. The last drafted of its tokens are
// not r's yet, but proposals to verify.
type part struct {
	r              *request
	from, n        int
	item           int // index of the first among the step's items
	first, outputs int
	drafted        int
}

// outputBytes bounds the logits of one step. Only scoring asks for more than one output a request.
const outputBytes = 32 << 20

func mostOutputs(l Limits) int { return max(1, outputBytes/(4*max(1, l.Vocabulary))) }

// plan is one step in the making. Its slices are reused from step to step.
type plan struct {
	parts      []part
	items      []Item
	outputs    int
	drafted    int // items that are proposals
	generating int // requests that generate
	prefilling []*request
}

// make shares a step out among the active requests: one token to each that generates, with the
// proposals to verify behind it, and prompt tokens to the others, evenly. So that long prompts do not stall those that generate, their
// tokens are few (chunk) when any does, and fill the batch when none does.
func (p *plan) make(active []*request, batch, chunk, maxOutputs int) {
	p.parts, p.items, p.outputs = p.parts[:0], p.items[:0], 0
	p.drafted, p.generating = 0, 0
	p.prefilling = p.prefilling[:0]
	for _, r := range active {
		if r.generating() {
			p.add(r, 1)
			p.generating++
		} else {
			p.prefilling = append(p.prefilling, r)
		}
	}
	left := batch - len(p.items)
	if len(p.items) > 0 {
		left = min(left, chunk)
	}
	// Those that need least come first: what they leave over goes to the others.
	slices.SortStableFunc(p.prefilling, func(a, b *request) int { return a.pending() - b.pending() })
	for i, r := range p.prefilling {
		share := max(1, left/(len(p.prefilling)-i))
		unscored := max(0, r.outputFrom-len(r.seq.tokens))
		n := min(r.pending(), share, left, unscored+max(1, maxOutputs/len(active)))
		if n > 0 {
			p.add(r, n)
			left -= n
		}
	}
	clear(p.prefilling)
}

// reads says that prompt tokens are in the step, which then takes longer than others.
func (p *plan) reads() bool { return len(p.items) > p.generating+p.drafted }

// add appends r's next n tokens.
func (p *plan) add(r *request, n int) {
	from := len(r.seq.tokens)
	q := part{r: r, from: from, n: n, item: len(p.items), first: p.outputs}
	for i := from; i < from+n; i++ {
		output := i >= r.outputFrom
		if output {
			q.outputs++
		}
		p.items = append(p.items, Item{Token: r.tokens[i], Pos: int32(i), Seq: r.seq.id, Output: output})
	}
	if r.generating() {
		for i, t := range r.draft.taken() {
			p.items = append(p.items, Item{Token: t, Pos: int32(from + 1 + i), Seq: r.seq.id, Output: true})
			q.drafted++
		}
		q.n, q.outputs, p.drafted = q.n+q.drafted, q.outputs+q.drafted, p.drafted+q.drafted
	}
	p.outputs += q.outputs
	p.parts = append(p.parts, q)
}
