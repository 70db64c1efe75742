package drafter

import "context"

// booked is an attachment whose sessions keep their books and propose the text's last token.
type booked struct {
	target      Target
	description Description
}

func (b *booked) Describe() Description { return b.description }

func (b *booked) Open(context.Context, SessionOptions) (Session, error) {
	return &bookedSession{NewText(b.target, b.description)}, nil
}

func (b *booked) Close() error { return nil }

type bookedSession struct{ *Text }

func (s *bookedSession) Committed(_ context.Context, tokens []Token, f Features) error {
	return s.Text.Committed(tokens, f)
}

func (s *bookedSession) Propose(_ context.Context, ask Ask) (Proposal, error) {
	if err := s.Ask(ask); err != nil {
		return Proposal{}, err
	}
	p := Proposal{Tokens: s.Tokens[len(s.Tokens)-1:]}
	s.Proposed(p.Tokens)
	return p, nil
}

func (s *bookedSession) Settle(_ context.Context, accepted int) error {
	_, err := s.Text.Settle(accepted)
	return err
}

func (s *bookedSession) Close() error {
	s.Text.Close()
	return nil
}
