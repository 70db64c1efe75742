package engine

import "github.com/kakeyad/kakeyad/core/plugin/backend"

const (
	// A prefix that another request is computing is waited for when it has at least
	// worthWaiting tokens and saves at least minSaving.
	worthWaiting = 32
	minSaving    = 8
	// worthKeeping is how many tokens beyond a shared prefix make a cached sequence worth
	// keeping: the prefix is then copied instead of the rest cut off. More tokens than the
	// prefix has are worth it too.
	worthKeeping = 32
	// worthCopying is how long a prefix must be for a copy to beat computing it.
	worthCopying = 16
	// headroom is how many cells each active request must have left to grow into when another
	// one is admitted, or the newcomer would soon be preempted.
	headroom = 32
)

// placement is what becomes of a waiting request.
type placement int

const (
	placed   placement = iota
	awaiting           // a slot is kept for it while another request computes its prefix
	crowded            // the active requests leave too few cells for it
)

// place gives r a sequence that already holds as much of its tokens as can be had.
func (l *loop) place(r *request) placement {
	// The last token is computed in any case: its logits are wanted.
	tokens := r.tokens[:len(r.tokens)-1]
	var src *sequence
	var shared int
	if !r.private {
		src, shared = l.cache.longest(r.scope, tokens)
		if l.coming(r.scope, tokens, shared) {
			return awaiting
		}
	}
	if !l.roomFor(r, src, shared) {
		return crowded
	}
	seq, cached := l.settle(r.scope, tokens, src, shared, r.private)
	seq.owner, seq.scope, r.seq = r, r.scope, seq
	if !r.begun {
		r.begun = true
		l.stats.CachedTokens += int64(cached)
		r.task.placed(r, cached, l.now)
	}
	return placed
}

// coming says whether an active request of a scope is computing a prefix of tokens that is worth waiting for,
// when shared tokens are to be had at once. It cannot be waited for in vain: when that request ends
// early, what it has computed is there and nothing more is coming.
func (l *loop) coming(scope string, tokens []backend.Token, shared int) bool {
	for _, a := range l.active {
		if a.private || a.scope != scope || a.generating() {
			continue
		}
		n := commonPrefix(a.tokens, tokens)
		if n > len(a.seq.tokens) && n >= worthWaiting && n-shared >= minSaving {
			return true
		}
	}
	return false
}

// roomFor says whether the cells that active requests leave, cached prefixes not counted, are
// enough for r, which can have a prefix from src. A request that is alone always fits.
func (l *loop) roomFor(r *request, src *sequence, shared int) bool {
	if len(l.active) == 0 {
		return true
	}
	need := len(r.tokens) - shared + headroom
	for _, a := range l.active {
		need += a.pending() + headroom
	}
	if src != nil && src.owner != nil && !l.cache.shares {
		need += shared
	}
	ledger := l.cache.ledger
	if need+ledger.used() <= l.ceiling {
		return true
	}
	ledger.startUnion()
	for _, a := range l.active {
		need += ledger.addUnion(a.seq.cells)
	}
	if src != nil {
		need += ledger.addUnion(src.cells[:shared])
	}
	return need <= l.ceiling
}

// settle chooses a sequence and makes it hold a prefix of tokens, as long as it can:
//   - an idle sequence that holds the prefix and little else is continued;
//   - otherwise an empty sequence, or the idle one that was used least recently, gets a copy of the
//     prefix, and the cached sequence keeps what it has beyond it;
//   - where copies cannot be made or are not worth it, what is there is cut to the prefix.
func (l *loop) settle(scope string, tokens []backend.Token, src *sequence, shared int, private bool) (seq *sequence, cached int) {
	c := l.cache
	seq = c.vacant()
	if private {
		c.clear(seq)
		return seq, 0
	}
	held := func(s *sequence) int {
		if s.scope != scope {
			return 0
		}
		return commonPrefix(s.tokens, tokens)
	}
	idle := src != nil && src.owner == nil
	switch {
	case idle && len(src.tokens)-shared < min(worthKeeping, shared+1):
		seq = src
	case held(seq) >= shared:
	case shared >= worthCopying && c.copyPrefix(src, seq, shared):
	case idle && shared >= worthCopying:
		seq = src
	}
	return seq, c.truncate(seq, held(seq))
}
