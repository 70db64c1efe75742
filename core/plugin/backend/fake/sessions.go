package fake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// session is what a slot holds.
type session struct {
	scope  string
	tokens []backend.Token
	known  int     // state is that after so many tokens
	state  history // restored, or of the whole
	idle   time.Time
	busy   bool // a request works in the slot
}

// at is the state after n of the tokens, from the one that is known where that is not later.
func (s session) at(n int) history {
	if n < s.known {
		return history{}.extend(s.tokens[:n])
	}
	return s.state.extend(s.tokens[s.known:n])
}

// pageKey tells a page from all others of a model.
type pageKey struct {
	scope string
	pages int // so many with it
	state history
}

// pending is a page that is to be handed over.
type pending struct {
	key    pageKey
	tokens []backend.Token
}

func (p pending) export(bytesPerToken int64) backend.Page {
	return backend.Page{
		Scope: p.key.scope, Tokens: p.tokens, Data: packPage(p.key.state),
		Nominal: bytesPerToken * backend.PageTokens,
	}
}

// parker is the part of slots that parks. slots.mu guards it.
type parker struct {
	open    bool
	wake    chan struct{} // holds one when there may be something to hand over
	closed  chan struct{} // that ExportPages has ended
	parked  map[pageKey]bool
	due     []pending
	waiting []chan struct{} // calls of ParkModel
}

func newParker() parker {
	return parker{wake: make(chan struct{}, 1), parked: map[pageKey]bool{}}
}

func (p *parker) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (s *slots) openExport() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parker.open {
		return fmt.Errorf("export pages: %w: it is under way", base.ErrBusy)
	}
	s.parker.open, s.parker.closed = true, make(chan struct{})
	return nil
}

func (s *slots) closeExport() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, page := range s.parker.due {
		delete(s.parker.parked, page.key)
	}
	s.parker.open, s.parker.due, s.parker.waiting = false, nil, nil
	close(s.parker.closed)
}

// refused says that a page is not the host's.
func (s *slots) refused(p pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.parker.parked, p.key)
}

// queue notes the pages of a session that are not parked yet.
func (s *slots) queue(held session) {
	p := &s.parker
	if !p.open {
		return
	}
	for n := 1; n <= len(held.tokens)/backend.PageTokens; n++ {
		tokens := held.tokens[:n*backend.PageTokens]
		key := pageKey{held.scope, n, held.at(len(tokens))}
		if !p.parked[key] {
			p.parked[key] = true
			p.due = append(p.due, pending{key, tokens})
		}
	}
}

// nextPage waits for a page that is to be handed over.
func (s *slots) nextPage(ctx context.Context, after time.Duration) (pending, error) {
	for {
		page, ok, wait := s.duePage(after)
		if ok {
			return page, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.parker.wake:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return pending{}, context.Cause(ctx)
		}
		timer.Stop()
	}
}

// duePage returns a page that is due, or how long none will be.
func (s *slots) duePage(after time.Duration) (pending, bool, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.parker
	wait := time.Hour
	for i := range s.held {
		h := &s.held[i]
		if h.busy || len(h.tokens) == 0 {
			continue
		}
		left := time.Until(h.idle.Add(after))
		if left <= 0 || len(p.waiting) > 0 {
			s.queue(*h)
		} else {
			wait = min(wait, left)
		}
	}
	if len(p.due) == 0 {
		for _, done := range p.waiting {
			close(done)
		}
		p.waiting = nil
		return pending{}, false, wait
	}
	page := p.due[0]
	p.due = p.due[1:]
	return page, true, 0
}

// exported says that a page is the host's.
func (s *slots) exported(p pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.PagesPacked++
	s.stats.PackedBytes += int64(len(packPage(p.key.state)))
}

// remember says that a page need not be handed over.
func (s *slots) remember(k pageKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parker.parked[k] = true
}

// forget says that the host lacks the pages of a prompt from the n-th on.
func (s *slots) forget(scope string, prompt []backend.Token, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, held := range s.held {
		if held.scope != scope {
			continue
		}
		for end := (n + 1) * backend.PageTokens; end <= min(len(held.tokens), len(prompt)); end += backend.PageTokens {
			if slices.Equal(held.tokens[:end], prompt[:end]) {
				delete(s.parker.parked, pageKey{scope, end / backend.PageTokens, held.at(end)})
			}
		}
	}
}

// park has everything handed over that is not at work, and waits for it.
func (s *slots) park(ctx context.Context) error {
	s.mu.Lock()
	if !s.parker.open {
		s.mu.Unlock()
		return fmt.Errorf("park: %w: nobody takes the pages", base.ErrInvalid)
	}
	done, closed := make(chan struct{}), s.parker.closed
	s.parker.waiting = append(s.parker.waiting, done)
	s.parker.signal()
	s.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-closed:
		return fmt.Errorf("park: %w: the export ended", base.ErrInvalid)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// restore gives a session the slot that was idle longest. False: all are at work.
func (s *slots) restore(held session, restored int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.oldest()
	if at < 0 {
		return false
	}
	s.queue(s.held[at])
	s.parker.signal()
	held.idle = time.Now()
	s.held[at] = held
	s.stats.TokensRestored += int64(restored)
	return true
}
