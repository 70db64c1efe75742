package draftmodel

import (
	"context"
	"sync"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
)

// none is the sequence of a session that has none.
const none int32 = -1

// attachment is the draft model at work. One lock is enough: llama.cpp computes one step at a time.
type attachment struct {
	target  drafter.Target
	params  params
	context int // most tokens of one text in the cache

	mu     sync.Mutex
	closed bool
	model  *binding.Model
	exec   *executor.Executor
	free   []int32 // sequences
	cells  int     // that sessions hold
}

var _ drafter.Rounds = (*attachment)(nil)

// Describe implements [drafter.Attachment].
func (a *attachment) Describe() drafter.Description {
	d := drafter.Description{MaxDraft: a.params.most, Confident: true, Samples: true}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		m := a.exec.Memory()
		d.Memory = m.Weights + m.Cache + m.Compute
	}
	return d
}

// Open implements [drafter.Attachment].
func (a *attachment) Open(ctx context.Context, _ drafter.SessionOptions) (drafter.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, drafter.ErrClosed
	}
	d := drafter.Description{MaxDraft: a.params.most, Confident: true, Samples: true}
	return &session{of: a, seq: none, text: drafter.NewText(a.target, d)}, nil
}

// Close implements [drafter.Attachment].
func (a *attachment) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed = true
	a.exec.Close()
	a.model.Free()
	return nil
}

// enter locks the attachment for a call. The caller unlocks it.
func (a *attachment) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return drafter.ErrClosed
	}
	return nil
}

// Round implements [drafter.Rounds].
func (a *attachment) Round(ctx context.Context, turns []drafter.Turn) {
	if err := a.enter(ctx); err != nil {
		for i := range turns {
			turns[i].Err = err
		}
		return
	}
	defer a.mu.Unlock()
	var asked []*proposing
	for i := range turns {
		t := &turns[i]
		s := t.Session.(*session)
		if t.Err = s.hear(t.Accepted, t.Tokens, t.Features); t.Err != nil || t.Ask.N == 0 {
			continue
		}
		if t.Err = s.text.Ask(t.Ask); t.Err == nil {
			asked = append(asked, &proposing{session: s, ask: t.Ask, turn: t})
		}
	}
	if err := a.propose(ctx, asked); err != nil {
		for _, p := range asked {
			p.turn.Err = err
		}
		return
	}
	for _, p := range asked {
		p.session.text.Proposed(p.proposal.Tokens)
		p.turn.Proposal = p.proposal
	}
}

// proposing is a proposal in the making.
type proposing struct {
	session  *session
	ask      drafter.Ask
	turn     *drafter.Turn
	proposal drafter.Proposal
	chance   float32 // that all of it is accepted
	done     bool
}

// propose drafts for all of them together. The lock is held.
func (a *attachment) propose(ctx context.Context, asked []*proposing) error {
	var items []engine.Item
	var at []*proposing // of each output
	step := func() error {
		if len(items) == 0 {
			return nil
		}
		if err := a.exec.Step(items); err != nil {
			return err
		}
		for n, p := range at {
			p.take(a.exec.Logits(n))
		}
		items, at = items[:0], at[:0]
		return ctx.Err()
	}
	for _, p := range asked {
		p.chance = 1
		pending, ready := p.session.pending(p.ask.N)
		if p.done = !ready; len(pending) == 0 {
			continue
		}
		if len(items)+len(pending) > batch {
			if err := step(); err != nil {
				return err
			}
		}
		items = p.session.add(items, pending, ready)
		if ready {
			at = append(at, p)
		}
	}
	for {
		if err := step(); err != nil {
			return err
		}
		for _, p := range asked {
			if n := len(p.proposal.Tokens); !p.done && n > 0 {
				items = p.session.add(items, p.proposal.Tokens[n-1:], true)
				at = append(at, p)
			}
		}
		if len(items) == 0 {
			return nil
		}
	}
}
