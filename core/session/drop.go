package session

import (
	"context"
	"fmt"
)

// Drop removes all pages whose identity matches, also those that someone holds, and returns when
// that is written. It says how many there were.
//
// Errors: ErrClosed, that of the write (the pages are gone for this store, and may be back when it
// is opened anew), the context's cause.
func (s *Store) Drop(ctx context.Context, match func(Identity) bool) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, fmt.Errorf("drop pages: %w", ErrClosed)
	}
	n := s.drop(match)
	if err := s.flush(ctx, s.counts.WriteFailures); err != nil {
		return n, fmt.Errorf("drop pages: %w", err)
	}
	return n, nil
}

func (s *Store) drop(match func(Identity) bool) int {
	var n int64
	for _, g := range s.index.groups {
		if !match(g.identity) {
			continue
		}
		for g.roots != nil {
			s.forget(g.roots, &n)
		}
	}
	s.counts.Dropped += n
	return int(n)
}
