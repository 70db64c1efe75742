package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// ImportPages puts pages of a prompt back into the cache. See [backend.Pager]. While one is unpacked
// the next ones are asked for.
func (e *Engine) ImportPages(ctx context.Context, req backend.ImportRequest, page func(i int) ([]byte, error)) (backend.ImportResult, error) {
	if e.parker == nil {
		return backend.ImportResult{}, errNoParking
	}
	if err := e.known("tokens", req.Tokens); err != nil {
		return backend.ImportResult{}, fmt.Errorf("engine: %w", err)
	}
	tokens := req.Tokens[:max(0, min(len(req.Tokens), e.opts.Context)-1)] // the last one is computed in any case
	pages := min(req.Available, len(tokens)/backend.PageTokens)
	var have int
	if err := e.do(ctx, func(l *loop) {
		l.forget(req.Scope, req.Tokens, max(0, req.Available))
		_, have = l.cache.longest(req.Scope, tokens)
	}); err != nil {
		return backend.ImportResult{}, err
	}
	first := have / backend.PageTokens
	if pages <= first {
		return backend.ImportResult{Tokens: have}, nil
	}
	cells, failed := e.unpack(ctx, tokens, first, pages, page)
	if ctx.Err() != nil {
		return backend.ImportResult{Tokens: have}, ctx.Err()
	}
	var result backend.ImportResult
	var err error
	if gone := e.do(ctx, func(l *loop) {
		if failed != nil {
			l.forget(req.Scope, req.Tokens, first+len(cells))
		}
		result, err = l.restore(req.Scope, tokens, first, cells)
	}); gone != nil {
		return result, gone
	}
	if failed == nil {
		failed = err
	}
	return result, failed
}

// unpack fetches pages [first, pages) and unpacks them, some at once, so that nobody waits for a page on its
// way while there are pages to unpack. It returns those before the first
// that failed, and its error.
func (e *Engine) unpack(ctx context.Context, tokens []backend.Token, first, pages int, page func(i int) ([]byte, error)) ([]Cells, error) {
	cells, errs := make([]Cells, pages-first), make([]error, pages-first)
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	var mu sync.Mutex
	good := len(cells) // before the first failure, as far as known
	fail := func(n int, err error) {
		mu.Lock()
		defer mu.Unlock()
		errs[n] = err
		good = min(good, n)
	}
	for n := range cells {
		data, err := page(first + n) // one ahead of those that are unpacked
		if err != nil {
			fail(n, err)
			break
		}
		turns <- struct{}{}
		mu.Lock()
		over := good < len(cells)
		mu.Unlock()
		if over || ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-turns }()
			c, err := e.parker.Unpack(ctx, tokens[:(first+n+1)*backend.PageTokens], data)
			if err != nil {
				fail(n, fmt.Errorf("engine: %w: %w", &backend.PageError{Page: first + n}, err))
			}
			cells[n] = c
		})
	}
	wg.Wait()
	if good < len(cells) {
		return cells[:good], errs[good]
	}
	return cells, ctx.Err()
}

// restore makes a kept sequence of a prefix that is cached up to page first and of the cells of the
// pages after it, as many as there is room for beside the requests at work.
func (l *loop) restore(scope string, tokens []backend.Token, first int, pages []Cells) (backend.ImportResult, error) {
	src, have := l.cache.longest(scope, tokens)
	result := backend.ImportResult{Tokens: have}
	from := first * backend.PageTokens
	if len(pages) == 0 || have < from || have >= from+len(pages)*backend.PageTokens {
		return result, nil // what was there has gone, or more has come
	}
	seq := l.seqFor(src, from)
	if seq == nil {
		return result, nil
	}
	pages = pages[:min(len(pages), max(0, l.spare(seq))/backend.PageTokens)]
	if len(pages) == 0 {
		return result, nil
	}
	if seq != src && from > 0 && !l.cache.copyPrefix(src, seq, from) {
		return result, nil
	}
	if l.cache.truncate(seq, from) != from {
		return result, nil
	}
	n := len(pages) * backend.PageTokens
	for l.cache.ledger.free() < n && l.cache.evict(seq) {
	}
	if l.cache.ledger.free() < n || len(seq.tokens) != from {
		return result, nil
	}
	if err := l.parking.parker.RestoreCells(seq.id, int32(from), pages); err != nil {
		return result, fmt.Errorf("engine: restoring %d tokens: %w", n, err)
	}
	seq.scope = scope
	l.cache.extend(seq, tokens[from:from+n])
	for i := range pages {
		seq.setPage(first+i, restored)
	}
	seq.idle = time.Now()
	l.cache.touch(seq)
	l.stats.TokensRestored += int64(n)
	l.publish()
	return backend.ImportResult{Tokens: from + n, Restored: len(pages)}, nil
}

// seqFor chooses where pages go that follow the first from tokens of src: into src where it holds no
// more than that, else into a sequence that can be had; nil when there is none.
func (l *loop) seqFor(src *sequence, from int) *sequence {
	if src != nil && from > 0 && src.owner == nil && len(src.tokens)-from < backend.PageTokens {
		return src
	}
	seq := l.cache.vacant()
	if seq == nil || seq == src && from > 0 {
		return nil
	}
	return seq
}

// spare is how many cells the requests at work, with room to grow, leave for seq to be filled.
func (l *loop) spare(seq *sequence) int {
	ledger := l.cache.ledger
	ledger.startUnion()
	need := 0
	for _, a := range l.active {
		need += a.pending() + headroom + ledger.addUnion(a.seq.cells)
	}
	return l.ceiling - need - ledger.addUnion(seq.cells)
}
