package ngram

import (
	"context"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// Drafter implements [drafter.Drafter].
type Drafter struct{ *base.Self }

// New makes the drafter.
func New(version string) *Drafter {
	return &Drafter{base.NewSelf(base.Info{
		Kind:         base.KindDrafter,
		Name:         "ngram",
		Version:      version,
		Capabilities: []base.Capability{drafter.CapShare},
		Description:  "proposes what followed the last words before: no model, no memory to speak of",
	})}
}

// Attach implements [drafter.Drafter].
func (d *Drafter) Attach(ctx context.Context, target drafter.Target, p drafter.Params) (drafter.Attachment, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := target.Validate(); err != nil {
		return nil, err
	}
	settings, err := parse(p)
	if err != nil {
		return nil, err
	}
	return &attachment{target: target, params: settings, shared: newShared(settings.shared)}, nil
}

// attachment is the drafter at work for a model.
type attachment struct {
	target drafter.Target
	params params
	shared *shared

	mu     sync.RWMutex // held for reading by calls of sessions
	closed bool
}

// Describe implements [drafter.Attachment].
func (a *attachment) Describe() drafter.Description {
	return drafter.Description{
		MaxDraft:  a.params.most,
		Confident: true,
		Shares:    a.shared != nil,
		Memory:    memory(a.params.shared),
	}
}

// Open implements [drafter.Attachment].
func (a *attachment) Open(ctx context.Context, o drafter.SessionOptions) (drafter.Session, error) {
	if err := a.enter(ctx); err != nil {
		return nil, err
	}
	defer a.mu.RUnlock()
	return &session{of: a, options: o, text: drafter.NewText(a.target, a.Describe())}, nil
}

// enter lets a call in. The caller leaves by mu.RUnlock.
func (a *attachment) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a.mu.RLock()
	if a.closed {
		a.mu.RUnlock()
		return drafter.ErrClosed
	}
	return nil
}

// Close implements [drafter.Attachment].
func (a *attachment) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	return nil
}

// session drafts one text.
type session struct {
	of      *attachment
	options drafter.SessionOptions
	text    *drafter.Text
	ended   sync.Once
}

// Committed implements [drafter.Session].
func (s *session) Committed(ctx context.Context, tokens []drafter.Token, f drafter.Features) error {
	if err := s.of.enter(ctx); err != nil {
		return err
	}
	defer s.of.mu.RUnlock()
	return s.text.Committed(tokens, f)
}

// Propose implements [drafter.Session].
func (s *session) Propose(ctx context.Context, ask drafter.Ask) (drafter.Proposal, error) {
	if err := s.of.enter(ctx); err != nil {
		return drafter.Proposal{}, err
	}
	defer s.of.mu.RUnlock()
	if err := s.text.Ask(ask); err != nil {
		return drafter.Proposal{}, err
	}
	m := find(s.text.Tokens)
	var p drafter.Proposal
	if !s.options.Private {
		p.Tokens, p.Confidence = s.of.shared.propose(s.options.Scope, s.text.Tokens, m.length, ask.N)
	}
	if p.Tokens == nil && m.length >= s.of.params.shortest {
		p.Tokens, p.Confidence = m.follow(s.text.Tokens, ask.N)
	}
	s.text.Proposed(p.Tokens)
	return p, nil
}

// Settle implements [drafter.Session].
func (s *session) Settle(ctx context.Context, accepted int) error {
	if err := s.of.enter(ctx); err != nil {
		return err
	}
	defer s.of.mu.RUnlock()
	_, err := s.text.Settle(accepted)
	return err
}

// Close implements [drafter.Session]. The text goes into the shared index.
func (s *session) Close() error {
	s.ended.Do(func() {
		s.text.Close()
		if !s.options.Private && s.of.enter(context.Background()) == nil {
			s.of.shared.add(s.options.Scope, s.text.Tokens)
			s.of.mu.RUnlock()
		}
	})
	return nil
}
