package draftertest

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

var endChecks = []Check{
	{
		Name: "end/cancelled",
		Doc:  "A call whose context has ended returns its error.",
		Run:  checkCancelled,
	},
	{
		Name: "end/session",
		Doc:  "Calls of a closed session are ErrClosed; closing again does nothing; other sessions work on.",
		Run:  checkClosedSession,
	},
	{
		Name: "end/attachment",
		Doc:  "A closed attachment ends its sessions: ErrClosed; closing again does nothing.",
		Run:  checkClosedAttachment,
	},
}

func checkCancelled(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		return alone(ctx, a, func(s drafter.Session) error {
			if _, err := env.proposed(ctx, a, s, text(env.target(), textTokens, 13)); err != nil {
				return err
			}
			ended, cancel := context.WithCancel(ctx)
			cancel()
			_, err := s.Propose(ended, ask(a))
			if wrong := expect(err, context.Canceled, "propose with a cancelled context"); wrong != nil {
				return wrong
			}
			if wrong := expect(s.Committed(ended, text(env.target(), 1, 1), drafter.Features{}), context.Canceled, "committed with a cancelled context"); wrong != nil {
				return wrong
			}
			_, err = env.fresh(ctx, a, text(env.target(), textTokens, 13))
			return err
		})
	})
}

func closedCalls(ctx context.Context, a drafter.Attachment, s drafter.Session, tokens []drafter.Token) error {
	_, err := s.Propose(ctx, ask(a))
	for what, err := range map[string]error{
		"propose": err, "committed": s.Committed(ctx, tokens, drafter.Features{}), "settle": s.Settle(ctx, 0),
	} {
		if wrong := expect(err, drafter.ErrClosed, what+" after closing"); wrong != nil {
			return wrong
		}
	}
	return nil
}

func checkClosedSession(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		tokens := text(env.target(), textTokens, 14)
		return alone(ctx, a, func(other drafter.Session) error {
			s, err := a.Open(ctx, drafter.SessionOptions{})
			if err != nil {
				return err
			}
			if _, err := env.proposed(ctx, a, s, tokens); err != nil {
				return err
			}
			for range 2 {
				if err := s.Close(); err != nil {
					return fmt.Errorf("close: %w", err)
				}
			}
			if err := closedCalls(ctx, a, s, tokens); err != nil {
				return err
			}
			_, err = env.proposed(ctx, a, other, tokens)
			return err
		})
	})
}

func checkClosedAttachment(ctx context.Context, env *Env) error {
	a, err := env.Drafter.Attach(ctx, env.target(), env.Params)
	if err != nil {
		return err
	}
	tokens := text(env.target(), textTokens, 15)
	s, err := a.Open(ctx, drafter.SessionOptions{})
	if err != nil {
		return err
	}
	if _, err := env.proposed(ctx, a, s, tokens); err != nil {
		return err
	}
	for range 2 {
		if err := a.Close(); err != nil {
			return fmt.Errorf("close: %w", err)
		}
	}
	if err := closedCalls(ctx, a, s, tokens); err != nil {
		return err
	}
	_, err = a.Open(ctx, drafter.SessionOptions{})
	if wrong := expect(err, drafter.ErrClosed, "open after closing"); wrong != nil {
		return wrong
	}
	return s.Close()
}
