package engine

import (
	"slices"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// parking is the loop's part of handing pages over.
type parking struct {
	parker  Parker // nil: nothing is parked
	after   time.Duration
	out     *export      // nil: nobody takes pages
	waiting []chan error // calls of ParkModel
}

// park hands over pages of idle sequences: those that have been idle long enough, and all while
// ParkModel waits. While requests are at work it copies one page a round, so that their next step
// comes soon. It returns when it has to be called again for the sake of time; 0: never.
func (l *loop) park() (next time.Duration) {
	p := &l.parking
	if p.out == nil {
		return 0
	}
	copied := 0
	for _, s := range l.cache.seqs {
		if s.owner != nil || s.nextFresh(0) < 0 {
			continue
		}
		if left := p.after - l.now.Sub(s.idle); left > 0 && len(p.waiting) == 0 {
			if next == 0 || left < next {
				next = left
			}
			continue
		}
		for i := s.nextFresh(0); i >= 0; i = s.nextFresh(i + 1) {
			if copied > 0 && len(l.active) > 0 || p.out.full() {
				return next // a job that ends, or the next round, comes back here
			}
			l.handOver(s, i)
			copied++
		}
	}
	if p.out.settled() {
		for _, done := range p.waiting {
			done <- nil
		}
		p.waiting = nil
	}
	return next
}

// handOver copies a page that s holds and puts it on its way. Where that cannot be, the pages after it
// are of no use either.
func (l *loop) handOver(s *sequence, i int) {
	s.setPage(i, handed)
	cells, ok := l.parking.parker.CopyCells(s.id, int32(i*backend.PageTokens))
	if !ok {
		for i++; i < s.wholePages(); i++ {
			s.setPage(i, handed)
		}
		return
	}
	tokens := slices.Clone(s.tokens[:(i+1)*backend.PageTokens])
	// What other sequences share of it needs no second copy.
	l.eachHolding(s.scope, tokens, func(other *sequence) {
		if other.page(i) == fresh {
			other.setPage(i, handed)
		}
	})
	l.parking.out.put(job{scope: s.scope, tokens: tokens, cells: cells})
}

// leaving is called before an idle sequence is cut to its first n tokens.
func (l *loop) leaving(s *sequence, n int) {
	if l.parking.out == nil || s.owner != nil {
		return
	}
	if s.nextFresh(n/backend.PageTokens) < 0 {
		return
	}
	// Those that stay go too: a page never comes before one that it follows.
	for i := s.nextFresh(0); i >= 0 && !l.parking.out.full(); i = s.nextFresh(i + 1) {
		l.handOver(s, i)
	}
}

// eachHolding calls f for the sequences of a scope that hold a prefix.
func (l *loop) eachHolding(scope string, prefix []backend.Token, f func(*sequence)) {
	for _, s := range l.cache.seqs {
		if s.scope == scope && len(s.tokens) >= len(prefix) && slices.Equal(s.tokens[:len(prefix)], prefix) {
			f(s)
		}
	}
}

// refresh says that the host does not have a page.
func (l *loop) refresh(j job) { l.forget(j.scope, j.tokens, len(j.tokens)/backend.PageTokens-1) }

// forget says that the host lacks the pages of a prompt from the n-th on.
func (l *loop) forget(scope string, prompt []backend.Token, n int) {
	for end := (n + 1) * backend.PageTokens; end <= len(prompt); end += backend.PageTokens {
		l.eachHolding(scope, prompt[:end], func(s *sequence) {
			if i := end/backend.PageTokens - 1; s.page(i) == handed {
				s.setPage(i, fresh)
			}
		})
	}
}

// closeExport takes back what was not handed over.
func (l *loop) closeExport(x *export) {
	for j, ok := x.take(); ok; j, ok = x.take() {
		l.refresh(j)
	}
	p := &l.parking
	p.out = nil
	for _, done := range p.waiting {
		done <- errNoExport
	}
	p.waiting = nil
}
