package draftertest

import (
	"context"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

var textChecks = []Check{
	{
		Name: "text/pieces",
		Doc:  "It does not matter in how many calls a text is told.",
		Run:  checkPieces,
	},
	{
		Name: "text/settle",
		Doc:  "What is settled is part of the text, as if it had been committed.",
		Run:  checkSettle,
	},
	{
		Name: "text/forgotten",
		Doc:  "What was proposed and not settled leaves no trace.",
		Run:  checkForgotten,
	},
	{
		Name: "text/accepted",
		Doc:  "Accepting more than was proposed, or less than nothing, is ErrInvalid.",
		Run:  checkAccepted,
	},
	{
		Name: "text/tokens",
		Doc:  "Tokens outside of the vocabulary, and more than the target's context, are ErrInvalid.",
		Run:  checkTokens,
	},
}

func checkPieces(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		t, d := env.target(), a.Describe()
		tokens := text(t, textTokens, 5)
		want, err := env.fresh(ctx, a, tokens)
		if err != nil {
			return err
		}
		return alone(ctx, a, func(s drafter.Session) error {
			for at, n := 0, 1; at < len(tokens); n++ {
				end := min(at+n, len(tokens))
				// Features are those of the tokens before, as of a target that is a step behind.
				f := features(t, d, max(0, at-1), end-1, 1)
				if err := s.Committed(ctx, tokens[at:end], f); err != nil {
					return err
				}
				at = end
			}
			got, err := env.propose(ctx, a, s, ask(a))
			if err != nil {
				return err
			}
			if len(d.Taps) > 0 {
				return nil // features that came apart are another input to arithmetic
			}
			return same(want, got, "told in pieces")
		})
	})
}

// checkSettle walks through a text in which some of each proposal are accepted.
func checkSettle(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		if len(a.Describe().Taps) > 0 {
			return &SkipError{"see features/rounds"}
		}
		tokens := text(env.target(), textTokens, 6)
		return alone(ctx, a, func(s drafter.Session) error {
			p, err := env.proposed(ctx, a, s, tokens)
			if err != nil {
				return err
			}
			for round := range 6 {
				accepted := min(round, len(p.Tokens))
				tokens = append(tokens, p.Tokens[:accepted]...)
				if err := s.Settle(ctx, accepted); err != nil {
					return fmt.Errorf("settle %d of %d: %w", accepted, len(p.Tokens), err)
				}
				next := text(env.target(), 1, uint64(round))
				tokens = append(tokens, next...)
				if err := s.Committed(ctx, next, drafter.Features{}); err != nil {
					return err
				}
				if p, err = env.propose(ctx, a, s, ask(a)); err != nil {
					return err
				}
				want, err := env.fresh(ctx, a, tokens)
				if err != nil {
					return err
				}
				if err := same(want, p, fmt.Sprintf("after round %d", round)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func checkForgotten(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		if len(a.Describe().Taps) > 0 {
			return &SkipError{"see features/rounds"}
		}
		tokens := text(env.target(), textTokens, 7)
		head, tail := tokens[:textTokens-4], tokens[textTokens-4:]
		want, err := env.fresh(ctx, a, tokens)
		if err != nil {
			return err
		}
		for _, settle := range []bool{false, true} {
			err := alone(ctx, a, func(s drafter.Session) error {
				if _, err := env.proposed(ctx, a, s, head); err != nil {
					return err
				}
				if _, err := env.propose(ctx, a, s, ask(a)); err != nil { // a second one
					return err
				}
				if settle {
					if err := s.Settle(ctx, 0); err != nil {
						return err
					}
				}
				if err := s.Committed(ctx, tail, drafter.Features{}); err != nil {
					return err
				}
				got, err := env.propose(ctx, a, s, ask(a))
				if err != nil {
					return err
				}
				return same(want, got, fmt.Sprintf("after a proposal that was forgotten (settled as 0: %v)", settle))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func checkAccepted(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		tokens := text(env.target(), textTokens, 8)
		for _, by := range []int{1, -1} {
			err := alone(ctx, a, func(s drafter.Session) error {
				p, err := env.proposed(ctx, a, s, tokens)
				if err != nil {
					return err
				}
				accepted := len(p.Tokens) + by
				if by < 0 {
					accepted = by
				}
				return expectNaming(s.Settle(ctx, accepted), base.ErrInvalid, "accepted")
			})
			if err != nil {
				return err
			}
		}
		return alone(ctx, a, func(s drafter.Session) error {
			if err := s.Settle(ctx, 0); err != nil {
				return fmt.Errorf("settle nothing: %w", err)
			}
			return expectNaming(s.Settle(ctx, 1), base.ErrInvalid, "accepted")
		})
	})
}

func checkTokens(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		t := env.target()
		for _, bad := range [][]drafter.Token{{0, -1}, {drafter.Token(t.Vocabulary)}, slices.Repeat([]drafter.Token{0}, t.Context+1)} {
			err := alone(ctx, a, func(s drafter.Session) error {
				return expectNaming(s.Committed(ctx, bad, drafter.Features{}), base.ErrInvalid, "tokens")
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}
