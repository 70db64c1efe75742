package draftertest

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

var featureChecks = []Check{
	{
		Name: "features/refused",
		Doc:  "Features that nobody asked for, of positions outside of the text or that had theirs, or of a wrong length, are ErrInvalid.",
		Run:  checkBadFeatures,
	},
	{
		Name: "features/gap",
		Doc:  "Features may be missing where the target did not compute: the session proposes all the same.",
		Run:  checkGap,
	},
	{
		Name: "features/rounds",
		Doc:  "Two sessions that hear the same text, features and verdicts propose the same all the way.",
		Run:  checkFeatureRounds,
	},
}

func checkBadFeatures(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		t, d := env.target(), a.Describe()
		row := max(1, len(d.Taps)) * t.Width
		bad := []drafter.Features{{Rows: 1, Data: make([]float32, row)}}
		if len(d.Taps) > 0 {
			bad = []drafter.Features{
				{Pos: 0, Rows: 2, Data: make([]float32, row)},
				{Pos: 0, Rows: 1, Data: make([]float32, row-1)},
				{Pos: 8, Rows: 1, Data: make([]float32, row)},
				{Pos: -1, Rows: 1, Data: make([]float32, row)},
				{Pos: 7, Rows: 2, Data: make([]float32, 2*row)},
			}
		}
		for i, f := range bad {
			err := alone(ctx, a, func(s drafter.Session) error {
				return expectNaming(s.Committed(ctx, text(t, 8, 1), f), base.ErrInvalid, "features")
			})
			if err != nil {
				return fmt.Errorf("case %d: %w", i, err)
			}
		}
		if len(d.Taps) == 0 {
			return nil
		}
		return alone(ctx, a, func(s drafter.Session) error { // twice
			if err := s.Committed(ctx, text(t, 8, 1), features(t, d, 0, 4, 1)); err != nil {
				return err
			}
			return expectNaming(s.Committed(ctx, nil, features(t, d, 3, 5, 1)), base.ErrInvalid, "features")
		})
	})
}

// tapping skips checks of drafters that tap nothing.
func tapping(a drafter.Attachment) error {
	if len(a.Describe().Taps) == 0 {
		return &SkipError{"the drafter taps no layers"}
	}
	return nil
}

func checkGap(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		if err := tapping(a); err != nil {
			return err
		}
		t, d := env.target(), a.Describe()
		tokens := text(t, textTokens, 11)
		for _, from := range []int{0, textTokens / 2, textTokens - 1} {
			err := alone(ctx, a, func(s drafter.Session) error {
				if err := s.Committed(ctx, tokens, features(t, d, from, textTokens-1, 1)); err != nil {
					return err
				}
				_, err := env.propose(ctx, a, s, ask(a))
				return err
			})
			if err != nil {
				return fmt.Errorf("features from %d on: %w", from, err)
			}
		}
		return nil
	})
}

func checkFeatureRounds(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		if err := tapping(a); err != nil {
			return err
		}
		tokens := text(env.target(), textTokens, 12)
		return alone(ctx, a, func(one drafter.Session) error {
			return alone(ctx, a, func(two drafter.Session) error {
				want, err := env.walk(ctx, a, one, tokens)
				if err != nil {
					return err
				}
				got, err := env.walk(ctx, a, two, tokens)
				if err != nil {
					return err
				}
				for i := range want {
					if err := same(want[i], got[i], fmt.Sprintf("round %d", i)); err != nil {
						return err
					}
				}
				return nil
			})
		})
	})
}

// walk tells a session a text and accepts some of each proposal, with features a position behind.
func (e *Env) walk(ctx context.Context, a drafter.Attachment, s drafter.Session, tokens []drafter.Token) (all []drafter.Proposal, err error) {
	t, d := e.target(), a.Describe()
	p, err := e.proposed(ctx, a, s, tokens)
	length, rows := len(tokens), len(tokens)-1
	for round := 0; err == nil && round < 5; round++ {
		all = append(all, p)
		accepted := min(round, len(p.Tokens))
		if err := s.Settle(ctx, accepted); err != nil {
			return nil, err
		}
		length += accepted + 1
		if err := s.Committed(ctx, text(t, 1, uint64(round)), features(t, d, rows, length-1, 1)); err != nil {
			return nil, err
		}
		rows = length - 1
		p, err = e.propose(ctx, a, s, ask(a))
	}
	return all, err
}
