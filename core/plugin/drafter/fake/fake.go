// Package fake is a drafter for tests: what it proposes depends on every token and every feature of
// the text, so that nothing can get lost or mixed up unseen, and it can break any of its promises
// when told to.
package fake

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/base/misfortune"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

const defaultMaxDraft = 8

// Drafter is the fake.
type Drafter struct {
	*base.Self
	*misfortune.Luck
	config Config
}

// New makes a fake.
func New(c Config) *Drafter {
	if c.MaxDraft == 0 {
		c.MaxDraft = defaultMaxDraft
	}
	capabilities := []base.Capability{drafter.CapSample}
	if len(c.Taps) > 0 {
		capabilities = append(capabilities, drafter.CapFeatures)
	}
	return &Drafter{
		Self: base.NewSelf(base.Info{
			Kind:         base.KindDrafter,
			Name:         "fake",
			Version:      "1.0.0",
			Capabilities: capabilities,
			Description:  "proposes what a hash of the text says, for tests",
		}),
		Luck:   misfortune.New(c.Plan),
		config: c,
	}
}

// Health implements [base.Plugin].
func (d *Drafter) Health(ctx context.Context) (base.Health, error) { return d.Luck.Health(ctx, d.Self) }

// Attach implements [drafter.Drafter]. It has no parameters.
func (d *Drafter) Attach(ctx context.Context, target drafter.Target, params drafter.Params) (drafter.Attachment, error) {
	if err := target.Validate(); err != nil && d.config.Lie != LieTarget {
		return nil, err
	}
	for key := range params {
		if d.config.Lie != LieParams {
			return nil, fmt.Errorf("%s: %w: unknown parameter", key, base.ErrInvalid)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &attachment{drafter: d, target: target, lie: d.config.Lie}, nil
}

// attachment is the fake at work. With its lie about rounds it is a drafter.Rounds too.
type attachment struct {
	drafter *Drafter
	target  drafter.Target
	lie     Lie

	described atomic.Int64
	leaked    atomic.Uint64 // hash of all that any session was told

	mu     sync.Mutex
	closed bool
	open   []*session
}

// Describe implements [drafter.Attachment].
func (a *attachment) Describe() drafter.Description {
	d := drafter.Description{
		MaxDraft:  a.drafter.config.MaxDraft,
		Taps:      a.drafter.config.Taps,
		Confident: true,
		Samples:   true,
		Memory:    1 << 10,
	}
	if a.lie == LieDescribe {
		d.Memory += a.described.Add(1)
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
	s := &session{attachment: a, lie: a.lie, text: drafter.NewText(a.target, a.Describe())}
	a.open = append(a.open, s)
	return s, nil
}

// Close implements [drafter.Attachment].
func (a *attachment) Close() error {
	a.mu.Lock()
	open := a.open
	a.open, a.closed = nil, true
	a.mu.Unlock()
	for _, s := range open {
		_ = s.Close()
	}
	return nil
}

// Round implements [drafter.Rounds].
func (a *attachment) Round(ctx context.Context, turns []drafter.Turn) {
	for i := range turns {
		one := &turns[i]
		if err := one.Session.Settle(ctx, one.Accepted); err != nil {
			one.Err = err
			continue
		}
		if len(one.Tokens) > 0 || one.Features.Rows != 0 || len(one.Features.Data) > 0 {
			if one.Err = one.Session.Committed(ctx, one.Tokens, one.Features); one.Err != nil {
				continue
			}
		}
		if one.Ask.N > 0 {
			one.Proposal, one.Err = one.Session.Propose(ctx, one.Ask)
		}
		if a.lie == LieRound && i > 0 {
			one.Proposal = turns[0].Proposal
		}
	}
}
