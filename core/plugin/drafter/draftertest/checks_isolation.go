package draftertest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

var isolationChecks = []Check{
	{
		Name: "isolation/sessions",
		Doc:  "What a private session proposes does not depend on other sessions, open, closed or private.",
		Run:  checkSessions,
	},
	{
		Name: "isolation/attachments",
		Doc:  "What a session proposes does not depend on sessions of other attachments.",
		Run:  checkAttachments,
	},
	{
		Name: "isolation/rounds",
		Doc:  "A round gives each session what it gets alone; a turn that is wrong harms no other.",
		Run:  checkRounds,
	},
	{
		Name: "isolation/together",
		Doc:  "Many sessions at once, each in its own goroutine, get what they get alone.",
		Run:  checkTogether,
	},
}

// noise fills an attachment with texts that begin as tokens do and go on otherwise.
func (e *Env) noise(ctx context.Context, a drafter.Attachment, tokens []drafter.Token) error {
	for i := range 3 {
		s, err := a.Open(ctx, drafter.SessionOptions{})
		if err != nil {
			return err
		}
		other := append(tokens[:len(tokens)*(i+1)/3:len(tokens)*(i+1)/3], text(e.target(), textTokens, uint64(50+i))...)
		if _, err := e.proposed(ctx, a, s, other); err != nil {
			return err
		}
		if err := s.Settle(ctx, 0); err != nil {
			return err
		}
		if i > 0 { // one stays open
			if err := s.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkSessions(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		tokens := text(env.target(), textTokens, 9)
		want, err := env.fresh(ctx, a, tokens)
		if err != nil {
			return err
		}
		if err := env.noise(ctx, a, tokens); err != nil {
			return err
		}
		got, err := env.fresh(ctx, a, tokens)
		if err != nil {
			return err
		}
		return same(want, got, "after other sessions")
	})
}

func checkAttachments(ctx context.Context, env *Env) error {
	tokens := text(env.target(), textTokens, 10)
	open := func(a drafter.Attachment) (p drafter.Proposal, err error) {
		s, err := a.Open(ctx, drafter.SessionOptions{})
		if err != nil {
			return p, err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return env.proposed(ctx, a, s, tokens)
	}
	return env.attach(ctx, func(one drafter.Attachment) error {
		want, err := open(one)
		if err != nil {
			return err
		}
		if err := env.noise(ctx, one, tokens); err != nil {
			return err
		}
		return env.attach(ctx, func(two drafter.Attachment) error {
			got, err := open(two)
			if err != nil {
				return err
			}
			return same(want, got, "beside another attachment")
		})
	})
}

// crowd is how many sessions work at once.
const crowd = 6

func checkRounds(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		t := env.target()
		turns := make([]drafter.Turn, crowd)
		want := make([]drafter.Proposal, crowd)
		for i := range turns {
			tokens := text(t, textTokens+i, uint64(20+i))
			var err error
			if want[i], err = env.fresh(ctx, a, tokens); err != nil {
				return err
			}
			s, err := a.Open(ctx, drafter.SessionOptions{Private: true})
			if err != nil {
				return err
			}
			turns[i] = drafter.Turn{Session: s, Tokens: tokens, Features: features(t, a.Describe(), 0, len(tokens)-1, 1), Ask: ask(a)}
		}
		const bad = 2
		turns[bad].Tokens = []drafter.Token{-1}
		turns[bad].Features = drafter.Features{}
		drafter.Round(ctx, a, turns)
		for i := range turns {
			if i == bad {
				if err := expect(turns[i].Err, base.ErrInvalid, "a wrong turn"); err != nil {
					return err
				}
				continue
			}
			if turns[i].Err != nil {
				return fmt.Errorf("turn %d: %w", i, turns[i].Err)
			}
			if err := same(want[i], turns[i].Proposal, fmt.Sprintf("turn %d", i)); err != nil {
				return err
			}
		}
		return nil
	})
}

func checkTogether(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		var all sync.WaitGroup
		wrong := make([]error, crowd)
		for i := range crowd {
			tokens := text(env.target(), textTokens+i, uint64(30+i))
			want, err := env.fresh(ctx, a, tokens)
			if err != nil {
				return err
			}
			all.Go(func() {
				for range 4 {
					got, err := env.fresh(ctx, a, tokens)
					if err == nil {
						err = same(want, got, "beside others")
					}
					if err != nil {
						wrong[i] = err
						return
					}
				}
			})
		}
		all.Wait()
		return errors.Join(wrong...)
	})
}
