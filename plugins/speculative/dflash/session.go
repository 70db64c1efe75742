package dflash

import (
	"context"

	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/plugins/speculative/dflash/net"
)

// session drafts one text.
type session struct {
	of    *attachment
	text  *drafter.Text
	state *net.State // nil: no features yet
}

// begin locks the attachment for a computation, unless it is closed or ctx has ended.
func (s *session) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.of.mu.Lock()
	if s.of.closed {
		s.of.mu.Unlock()
		return drafter.ErrClosed
	}
	return nil
}

func (s *session) Committed(ctx context.Context, tokens []drafter.Token, f drafter.Features) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.of.mu.Unlock()
	if err := s.text.Committed(tokens, f); err != nil {
		return err
	}
	if f.Rows == 0 {
		return nil
	}
	if s.state == nil {
		s.state = s.of.net.NewState()
	}
	s.state.Append(&s.of.work, f.Pos, f.Data)
	return nil
}

// Propose guesses the block behind the last token. Without the feature of a single position there is
// nothing to go by.
func (s *session) Propose(ctx context.Context, ask drafter.Ask) (drafter.Proposal, error) {
	if err := s.begin(ctx); err != nil {
		return drafter.Proposal{}, err
	}
	defer s.of.mu.Unlock()
	if err := s.text.Ask(ask); err != nil {
		return drafter.Proposal{}, err
	}
	if s.state == nil {
		return drafter.Proposal{}, nil
	}
	last := len(s.text.Tokens) - 1
	tokens, p, err := s.state.Draft(&s.of.work, s.text.Tokens[last], last, ask.N, s.of.params.window)
	if err != nil {
		return drafter.Proposal{}, err
	}
	floor := max(ask.Floor, float32(s.of.params.threshold))
	tokens, p = worthwhile(tokens, p, floor)
	s.text.Proposed(tokens)
	return drafter.Proposal{Tokens: tokens, Confidence: p}, nil
}

// worthwhile cuts a proposal before the first token whose chance, with all before it, is below floor.
func worthwhile(tokens []drafter.Token, p []float32, floor float32) ([]drafter.Token, []float32) {
	chance := float32(1)
	for i, c := range p {
		if chance *= c; chance < floor {
			return tokens[:i], p[:i]
		}
	}
	return tokens, p
}

// Settle keeps what was accepted as text; features of it come with Committed.
func (s *session) Settle(ctx context.Context, accepted int) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.of.mu.Unlock()
	_, err := s.text.Settle(accepted)
	return err
}

func (s *session) Close() error {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.text.Close()
	s.state = nil
	return nil
}
