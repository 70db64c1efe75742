package session

import (
	"context"
	"fmt"
	"time"
)

// Page is the KV of PageTokens consecutive tokens, packed.
type Page struct {
	Identity Identity
	Parent   Key     // of the page before it; zero for the first of a prompt
	Tokens   []int32 // PageTokens of them
	Data     []byte  // the codec's; not to be changed any more
	Nominal  int64   // bytes of the same KV as the backend keeps it unpacked, for the figures
}

// Key names the page.
func (p *Page) Key() Key { return p.parent().Next(p.Tokens) }

func (p *Page) parent() Key {
	if p.Parent == (Key{}) {
		return p.Identity.Root()
	}
	return p.Parent
}

func (p *Page) validate() error {
	switch {
	case len(p.Tokens) != PageTokens:
		return fmt.Errorf("%w: %d tokens, not %d", ErrInvalid, len(p.Tokens), PageTokens)
	case len(p.Data) == 0 || len(p.Data) > maxData:
		return fmt.Errorf("%w: %d bytes, not 1 to %d", ErrInvalid, len(p.Data), maxData)
	case p.Nominal < 0:
		return fmt.Errorf("%w: nominal bytes %d", ErrInvalid, p.Nominal)
	}
	return p.Identity.validate()
}

// Put keeps a page, and the page's data from now on. It can be found at once; it is written later,
// in the order of the calls (see [Store.Flush]). A page that is there already is only noted as
// used. Put waits while the queue is full.
//
// A page that does not fit beside those in use, or cannot be written, is dropped with those that
// follow it, and counted.
//
// Errors: ErrInvalid, ErrNoParent, ErrClosed, the context's cause.
func (s *Store) Put(ctx context.Context, p Page) error {
	if err := s.put(ctx, p); err != nil {
		return fmt.Errorf("put page: %w", err)
	}
	return nil
}

func (s *Store) put(ctx context.Context, p Page) error {
	if err := p.validate(); err != nil {
		return err
	}
	parent, size := p.parent(), int64(len(p.Data))
	key := parent.Next(p.Tokens)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.closed {
			return ErrClosed
		}
		now := time.Now()
		s.expire(now)
		if n := s.index.nodes[key]; n != nil {
			s.counts.Duplicates++
			s.touch([]*node{n}, now)
			return nil
		}
		above := s.index.nodes[parent]
		if p.Parent != (Key{}) && (above == nil || above.identity != p.Identity) {
			return ErrNoParent
		}
		if s.queued == 0 || s.queued+size <= s.options.QueueBytes {
			s.enqueue(p, key, above, now)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.wait(ctx)
	}
}

func (s *Store) enqueue(p Page, key Key, above *node, now time.Time) {
	r := &record{data: p.Data, meta: meta{
		identity: p.Identity,
		parent:   p.parent(),
		created:  now.UnixNano(),
		nominal:  p.Nominal,
	}}
	copy(r.tokens[:], p.Tokens)
	if above != nil {
		r.position = above.position + PageTokens
	}
	n := s.index.add(entry{meta: r.meta, key: key, used: r.created, size: uint32(len(p.Data))}, above)
	n.page = r
	s.queue = append(s.queue, n)
	s.queued += int64(n.size)
	s.queuedN++
	s.counts.Puts++
	s.counts.PutBytes += int64(n.size)
	s.counts.PutNominal += n.nominal
	s.poke()
}
