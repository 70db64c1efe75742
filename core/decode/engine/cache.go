package engine

import (
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// sequence is what the engine knows of one sequence of the executor's cache.
type sequence struct {
	id     SeqID
	tokens []backend.Token // held, by position
	cells  []int32         // of the ledger, by position
	scope  string          // of what it holds
	pages  []pageState     // of its first pages; those beyond are fresh
	owner  *request        // nil: idle, a cached prefix when it holds tokens
	used   uint64          // clock of the last use
	idle   time.Time       // since when, where owner is nil
}

// cache keeps the executor's sequences and their cells, and what both are known to hold. Every
// change of the executor's cache, those by Step aside, goes through it.
type cache struct {
	exec   Executor
	shares bool // SeqCopy takes no cells
	seqs   []*sequence
	ledger *ledger
	clock  uint64

	leaving func(s *sequence, n int) // is told before s is cut to its first n tokens
}

func newCache(exec Executor) *cache {
	limits := exec.Limits()
	c := &cache{leaving: func(*sequence, int) {}, exec: exec, shares: limits.CopyIsFree, ledger: newLedger(limits.Cells)}
	for i := range limits.Sequences {
		c.seqs = append(c.seqs, &sequence{id: SeqID(i)})
	}
	return c
}

// extend records that a step appended tokens to s.
func (c *cache) extend(s *sequence, tokens []backend.Token) {
	s.tokens = append(s.tokens, tokens...)
	s.cells = c.ledger.take(s.cells, len(tokens))
}

// truncate cuts s to its first n tokens, or to none where the executor cannot cut there, and
// returns how many are left.
func (c *cache) truncate(s *sequence, n int) int {
	if n >= len(s.tokens) {
		return len(s.tokens)
	}
	c.leaving(s, n)
	if n > 0 && !c.exec.SeqRemove(s.id, int32(n), -1) {
		n = 0
	}
	if n == 0 {
		c.exec.SeqRemove(s.id, 0, -1)
	}
	c.ledger.drop(s.cells[n:])
	s.tokens, s.cells = s.tokens[:n], s.cells[:n]
	s.pages = s.pages[:min(len(s.pages), n/backend.PageTokens)]
	return n
}

// clear empties s.
func (c *cache) clear(s *sequence) { c.truncate(s, 0) }

// copyPrefix empties dst and gives it the first n tokens of src. Where copies take cells, idle
// sequences make room for those of an active src; an idle src is not worth that. False: it could
// not be done; dst may be empty then.
func (c *cache) copyPrefix(src, dst *sequence, n int) bool {
	if !c.shares {
		for c.ledger.free()+len(dst.cells) < n {
			if src.owner == nil || !c.evict(dst) {
				return false
			}
		}
	}
	c.clear(dst)
	if !c.exec.SeqCopy(src.id, dst.id, int32(n)) {
		return false
	}
	dst.tokens = append(dst.tokens, src.tokens[:n]...)
	dst.scope = src.scope
	dst.pages = append(dst.pages[:0], src.pages[:min(len(src.pages), n/backend.PageTokens)]...)
	if c.shares {
		dst.cells = append(dst.cells, src.cells[:n]...)
		c.ledger.share(dst.cells)
	} else {
		dst.cells = c.ledger.take(dst.cells, n)
	}
	c.touch(src)
	return true
}

// touch makes s the most recently used.
func (c *cache) touch(s *sequence) {
	c.clock++
	s.used = c.clock
}

// release makes s idle; keep says whether what it holds may serve others.
func (c *cache) release(s *sequence, keep bool) {
	if !keep {
		c.clear(s)
	}
	s.owner, s.idle = nil, time.Now()
	c.touch(s)
}

// vacant returns an empty sequence or else the idle one that was used least recently.
func (c *cache) vacant() *sequence {
	for _, s := range c.seqs {
		if s.owner == nil && len(s.tokens) == 0 {
			return s
		}
	}
	return c.oldest(nil)
}

// oldest returns the least recently used idle sequence that holds tokens, other than except.
func (c *cache) oldest(except *sequence) *sequence {
	var old *sequence
	for _, s := range c.seqs {
		if s.owner == nil && s != except && len(s.tokens) > 0 && (old == nil || s.used < old.used) {
			old = s
		}
	}
	return old
}

// evict empties the least recently used idle sequence other than except, if there is one.
func (c *cache) evict(except *sequence) bool {
	s := c.oldest(except)
	if s != nil {
		c.clear(s)
	}
	return s != nil
}

// longest returns the sequence of a scope that holds the longest prefix of tokens, and its length. Of
// equal ones it prefers an idle sequence, then the one with the least beyond the prefix. Sequences of
// private requests are not looked at.
func (c *cache) longest(scope string, tokens []backend.Token) (best *sequence, n int) {
	for _, s := range c.seqs {
		if s.scope != scope || s.owner != nil && s.owner.private {
			continue
		}
		switch m := commonPrefix(s.tokens, tokens); {
		case m < n || m == 0:
		case m > n, best.owner != nil && s.owner == nil,
			(best.owner == nil) == (s.owner == nil) && len(s.tokens) < len(best.tokens):
			best, n = s, m
		}
	}
	return best, n
}

func commonPrefix(a, b []backend.Token) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
