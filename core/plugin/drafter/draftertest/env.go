package draftertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// Env is what the checks work with. Only Drafter must be given.
type Env struct {
	Drafter  drafter.Drafter
	Target   drafter.Target // zero: a small one that exists nowhere
	Params   drafter.Params // that attachments are made with
	Patience time.Duration  // most time of one check; 0: a minute
}

func (e *Env) patience() time.Duration {
	if e.Patience > 0 {
		return e.Patience
	}
	return time.Minute
}

// Target is the one that is not somebody's.
func (e *Env) target() drafter.Target {
	if e.Target.Vocabulary > 0 {
		return e.Target
	}
	return drafter.Target{
		Architecture: "test", Name: "nobody", Vocabulary: 97, Layers: 12, Width: 8, Context: 512, Sessions: 4,
		EndTokens: []drafter.Token{2},
	}
}

// Try tells whether the drafter can be attached as the checks do it: its error is the drafter's.
func (e *Env) Try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.patience())
	defer cancel()
	return e.attach(ctx, func(drafter.Attachment) error { return nil })
}

// attach makes an attachment for use and closes it after.
func (e *Env) attach(ctx context.Context, use func(a drafter.Attachment) error) (err error) {
	a, err := e.Drafter.Attach(ctx, e.target(), e.Params)
	if err != nil {
		return fmt.Errorf("attach: %w", err)
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return use(a)
}

// alone opens a private session for use and closes it after: nothing but its text matters to it.
func alone(ctx context.Context, a drafter.Attachment, use func(s drafter.Session) error) (err error) {
	s, err := a.Open(ctx, drafter.SessionOptions{Private: true})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return use(s)
}

// text draws so many tokens: short phrases that come again, so that a drafter finds something to
// say. Equal seeds draw equal texts.
func text(t drafter.Target, n int, seed uint64) []drafter.Token {
	source := rand.New(rand.NewPCG(seed, 0x647261667465))
	phrases := make([][]drafter.Token, 3)
	for i := range phrases {
		for range 3 + source.IntN(5) {
			phrases[i] = append(phrases[i], drafter.Token(source.IntN(t.Vocabulary)))
		}
	}
	var out []drafter.Token
	for len(out) < n {
		out = append(out, phrases[source.IntN(len(phrases))]...)
	}
	return out[:n]
}

// textTokens is the length of the texts of most checks.
const textTokens = 40

// features draws those of positions [from, to).
func features(t drafter.Target, d drafter.Description, from, to int, seed uint64) drafter.Features {
	if len(d.Taps) == 0 || from == to {
		return drafter.Features{}
	}
	f := drafter.Features{Pos: from, Rows: to - from}
	for pos := from; pos < to; pos++ {
		source := rand.New(rand.NewPCG(seed, uint64(pos)))
		for range len(d.Taps) * t.Width {
			f.Data = append(f.Data, float32(source.NormFloat64()))
		}
	}
	return f
}

// ask is the largest that an attachment takes.
func ask(a drafter.Attachment) drafter.Ask { return drafter.Ask{N: a.Describe().MaxDraft} }

// proposed tells a session tokens, with all features but the last, and asks it.
func (e *Env) proposed(ctx context.Context, a drafter.Attachment, s drafter.Session, tokens []drafter.Token) (drafter.Proposal, error) {
	f := features(e.target(), a.Describe(), 0, len(tokens)-1, 1)
	if err := s.Committed(ctx, tokens, f); err != nil {
		return drafter.Proposal{}, fmt.Errorf("committed: %w", err)
	}
	return e.propose(ctx, a, s, ask(a))
}

// propose asks and checks what comes.
func (e *Env) propose(ctx context.Context, a drafter.Attachment, s drafter.Session, ask drafter.Ask) (drafter.Proposal, error) {
	p, err := s.Propose(ctx, ask)
	if err != nil {
		return p, fmt.Errorf("propose: %w", err)
	}
	return p, p.Check(e.target(), a.Describe(), ask)
}

// fresh is what a session that was told nothing but tokens proposes.
func (e *Env) fresh(ctx context.Context, a drafter.Attachment, tokens []drafter.Token) (p drafter.Proposal, err error) {
	err = alone(ctx, a, func(s drafter.Session) error {
		p, err = e.proposed(ctx, a, s, tokens)
		return err
	})
	return p, err
}

// same wants equal proposals.
func same(want, got drafter.Proposal, what string) error {
	if len(want.Tokens)+len(got.Tokens) == 0 || reflect.DeepEqual(want, got) {
		return nil
	}
	return fmt.Errorf("%s: proposed %v, want %v", what, show(got), show(want))
}

func show(p drafter.Proposal) string {
	s := fmt.Sprint(p.Tokens)
	if p.Confidence != nil {
		s += fmt.Sprintf(" with confidences %v", p.Confidence)
	}
	if p.Drawn != nil {
		s += fmt.Sprintf(" drawn from %v", p.Drawn)
	}
	return s
}

// expect says what is wrong with err unless it is target.
func expect(err, target error, doing string) error {
	if errors.Is(err, target) {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%s: no error, want %q", doing, target.Error())
	}
	return fmt.Errorf("%s: want %q, got: %w", doing, target.Error(), err)
}

// expectNaming wants the error's text to name a field too.
func expectNaming(err, target error, field string) error {
	if wrong := expect(err, target, field); wrong != nil {
		return wrong
	}
	if !strings.Contains(err.Error(), field) {
		return fmt.Errorf("%s: the error does not name it: %w", field, err)
	}
	return nil
}
