package session

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// Prefix is the longest run of pages that the store has of a prompt, from its first token. Until
// Release its pages are neither evicted nor expired. Its methods are safe for concurrent use.
type Prefix struct {
	store   *Store
	nodes   []*node
	release sync.Once
}

// Lookup finds the pages of a prompt. It reads none of them; an empty Prefix is no error. A page
// covers PageTokens tokens, so the last of the prompt, fewer than that, are never found: a backend
// that needs the last token computed leaves it out of tokens.
//
// Errors: ErrInvalid, ErrClosed, the context's cause.
func (s *Store) Lookup(ctx context.Context, id Identity, tokens []int32) (*Prefix, error) {
	if err := id.validate(); err != nil {
		return nil, fmt.Errorf("look up prefix: %w", err)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("look up prefix: %w", context.Cause(ctx))
	}
	keys := Keys(id, tokens)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("look up prefix: %w", ErrClosed)
	}
	now := time.Now()
	s.expire(now)
	run := s.index.find(keys)
	s.touch(run, now)
	s.index.pin(run)
	if len(run) > 0 {
		s.counts.Hits++
	} else {
		s.counts.Misses++
	}
	return &Prefix{store: s, nodes: run}, nil
}

// Has says how many pages of a prompt the store has, from its first token: those that need not be
// packed to be put. It counts as no use.
func (s *Store) Has(id Identity, tokens []int32) int {
	keys := Keys(id, tokens)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(time.Now())
	return len(s.index.find(keys))
}

// Pages is how many pages there are.
func (p *Prefix) Pages() int { return len(p.nodes) }

// Tokens is how many tokens of the prompt they cover.
func (p *Prefix) Tokens() int { return len(p.nodes) * PageTokens }

// Bytes is the size of all pages, packed.
func (p *Prefix) Bytes() int64 {
	var n int64
	for _, x := range p.nodes {
		n += int64(x.size)
	}
	return n
}

// Key names the i-th page.
func (p *Prefix) Key(i int) Key { return p.nodes[i].key }

// Page returns the i-th page's data, from RAM or from disk. It stays as it is for as long as it is
// referred to; nobody may change it.
//
// Errors, after which the pages before the i-th are still good: ErrDamaged, ErrGone, ErrClosed,
// the context's cause, those of the file system.
func (p *Prefix) Page(ctx context.Context, i int) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("restore page %d: %w", i, context.Cause(ctx))
	}
	data, err := p.store.read(p.nodes[i])
	if err != nil {
		return nil, fmt.Errorf("restore page %d: %w", i, err)
	}
	return data, nil
}

// Drop removes the i-th page, and those after it, of whatever prompt: whoever unpacks pages found
// that it cannot be used. It is gone at once and removed from disk later.
func (p *Prefix) Drop(i int) {
	s := p.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := p.nodes[i]; n.state != gone && !s.closed {
		s.log.Error("page store: a page is of no use and dropped, with those after it", "page", n.key)
		s.forget(n, &s.counts.Damaged)
	}
}

// Release ends the hold on the pages. Calls after the first do nothing.
func (p *Prefix) Release() {
	p.release.Do(func() {
		s := p.store
		s.mu.Lock()
		defer s.mu.Unlock()
		s.index.unpin(p.nodes)
		s.poke() // some may have expired
	})
}

// read returns a page's data.
func (s *Store) read(n *node) ([]byte, error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if data, err := s.readRAM(n); data != nil || err != nil {
		return data, err
	}
	v, err, _ := s.reads.Do(strconv.FormatUint(n.id, 36), func() (any, error) { return s.back.read(n.key) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.state == gone {
		return nil, ErrGone
	}
	if err == nil {
		data := v.([]byte)
		if len(data) == int(n.size) {
			s.counts.PagesRead++
			s.counts.restored(n)
			if s.ram != nil {
				s.ram.Set(n.id, data, int64(n.size))
			}
			return data, nil
		}
		err = fmt.Errorf("%w: %d bytes, not %d", ErrDamaged, len(data), n.size)
	}
	switch {
	case errors.Is(err, errBroken):
		s.broken = true
		s.poke()
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case errors.Is(err, errAbsent), errors.Is(err, ErrDamaged):
		s.log.Error("page store: a page is damaged and dropped, with those after it", "page", n.key, "err", err)
		s.forget(n, &s.counts.Damaged)
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil, err
}

// readRAM returns a page's data if it is in memory.
func (s *Store) readRAM(n *node) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.shut:
		return nil, ErrClosed
	case n.state == gone:
		return nil, ErrGone
	}
	var data []byte
	if n.page != nil {
		data = n.page.data
	} else if s.ram != nil {
		data, _ = s.ram.Get(n.id)
	}
	if data != nil {
		s.counts.PagesFromRAM++
		s.counts.restored(n)
	}
	return data, nil
}
