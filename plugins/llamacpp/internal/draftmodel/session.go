package draftmodel

import (
	"context"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// session drafts one text.
type session struct {
	of   *attachment
	text *drafter.Text
	seq  int32 // of the cache, none until the first proposal
	held int   // tokens in it: of the text, and behind them of the open proposal
}

// Committed implements [drafter.Session].
func (s *session) Committed(ctx context.Context, tokens []drafter.Token, f drafter.Features) error {
	if err := s.of.enter(ctx); err != nil {
		return err
	}
	defer s.of.mu.Unlock()
	return s.hear(0, tokens, f)
}

// Settle implements [drafter.Session].
func (s *session) Settle(ctx context.Context, accepted int) error {
	if err := s.of.enter(ctx); err != nil {
		return err
	}
	defer s.of.mu.Unlock()
	return s.hear(accepted, nil, drafter.Features{})
}

// Propose implements [drafter.Session].
func (s *session) Propose(ctx context.Context, ask drafter.Ask) (drafter.Proposal, error) {
	if err := s.of.enter(ctx); err != nil {
		return drafter.Proposal{}, err
	}
	defer s.of.mu.Unlock()
	s.cut(len(s.text.Tokens))
	if err := s.text.Ask(ask); err != nil {
		return drafter.Proposal{}, err
	}
	p := &proposing{session: s, ask: ask}
	if err := s.of.propose(ctx, []*proposing{p}); err != nil {
		return drafter.Proposal{}, err
	}
	s.text.Proposed(p.proposal.Tokens)
	return p.proposal, nil
}

// Close implements [drafter.Session].
func (s *session) Close() error {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.text.Close()
	if !s.of.closed && s.seq != none {
		s.cut(0)
		s.of.free = append(s.of.free, s.seq)
		s.seq = none
	}
	return nil
}

// hear settles the open proposal and appends tokens. The lock is held.
func (s *session) hear(accepted int, tokens []drafter.Token, f drafter.Features) error {
	if _, err := s.text.Settle(accepted); err != nil {
		return err
	}
	s.cut(len(s.text.Tokens))
	return s.text.Committed(tokens, f)
}

// cut forgets what is in the cache from a position on.
func (s *session) cut(n int) {
	if s.held > n {
		s.of.exec.SeqRemove(engine.SeqID(s.seq), int32(n), -1)
		s.of.cells -= s.held - n
		s.held = n
	}
}

// pending are the tokens of the text to be computed next, and whether the session can propose n
// tokens behind them. It takes a sequence if there is one.
func (s *session) pending(n int) (tokens []drafter.Token, ready bool) {
	a := s.of
	length := len(s.text.Tokens)
	if length+n > a.context {
		return nil, false
	}
	if s.seq == none {
		if len(a.free) == 0 {
			return nil, false
		}
		s.seq, a.free = a.free[len(a.free)-1], a.free[:len(a.free)-1]
	}
	s.cut(length - 1) // the last token is computed in any case: its logits are wanted
	tokens = s.text.Tokens[s.held:]
	if a.cells+len(tokens)+n > a.exec.Limits().Cells {
		return nil, false
	}
	if len(tokens) > chunk {
		return tokens[:chunk], false
	}
	return tokens, true
}

// add appends the session's next tokens to a step, with logits after the last if they are wanted.
func (s *session) add(items []engine.Item, tokens []drafter.Token, output bool) []engine.Item {
	for i, t := range tokens {
		items = append(items, engine.Item{
			Token: t, Pos: int32(s.held + i), Seq: engine.SeqID(s.seq), Output: output && i == len(tokens)-1,
		})
	}
	s.held += len(tokens)
	s.of.cells += len(tokens)
	return items
}
