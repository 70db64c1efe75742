package draftertest

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

var proposalChecks = []Check{
	{
		Name: "proposal/bounded",
		Doc:  "A proposal has at most as many tokens as asked for, all of the target's vocabulary, with well-formed confidences.",
		Run:  checkBounded,
	},
	{
		Name: "proposal/ask",
		Doc:  "An ask out of range is ErrInvalid and its field is named; the session works on.",
		Run:  checkBadAsk,
	},
	{
		Name: "proposal/empty",
		Doc:  "Nothing can be proposed for an empty text: ErrInvalid.",
		Run:  checkEmpty,
	},
	{
		Name: "proposal/drawn",
		Doc:  "Drawn tokens come with the distributions that they were drawn from, and equal seeds draw equal tokens.",
		Run:  checkDrawn,
	},
	{
		Name: "proposal/frequencies",
		Doc:  "Over many seeds, first tokens are drawn as often as their distribution tells.",
		Run:  checkFrequencies,
	},
}

func checkBounded(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		return alone(ctx, a, func(s drafter.Session) error {
			if _, err := env.proposed(ctx, a, s, text(env.target(), textTokens, 1)); err != nil {
				return err
			}
			for n := 1; n <= a.Describe().MaxDraft; n++ {
				for _, floor := range []float32{0, 0.5, 1} {
					if _, err := env.propose(ctx, a, s, drafter.Ask{N: n, Floor: floor}); err != nil {
						return fmt.Errorf("asked for %d, floor %v: %w", n, floor, err)
					}
				}
			}
			return nil
		})
	})
}

func checkBadAsk(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		return alone(ctx, a, func(s drafter.Session) error {
			want, err := env.proposed(ctx, a, s, text(env.target(), textTokens, 2))
			if err != nil {
				return err
			}
			for _, bad := range []struct {
				field string
				ask   drafter.Ask
			}{
				{"n", drafter.Ask{N: a.Describe().MaxDraft + 1}},
				{"n", drafter.Ask{N: -1}},
				{"n", drafter.Ask{}},
				{"floor", drafter.Ask{N: 1, Floor: 1.5}},
				{"temperature", drafter.Ask{N: 1, Temperature: -1}},
				{"temperature", drafter.Ask{N: 1, Sample: true}},
			} {
				_, err := s.Propose(ctx, bad.ask)
				if wrong := expectNaming(err, base.ErrInvalid, bad.field); wrong != nil {
					return wrong
				}
			}
			got, err := env.propose(ctx, a, s, ask(a))
			if err != nil {
				return err
			}
			return same(want, got, "after refused asks")
		})
	})
}

func checkEmpty(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		return alone(ctx, a, func(s drafter.Session) error {
			_, err := s.Propose(ctx, ask(a))
			return expect(err, base.ErrInvalid, "an empty text")
		})
	})
}

// sampling skips checks of drafters that do not draw.
func sampling(a drafter.Attachment) (drafter.Ask, error) {
	if !a.Describe().Samples {
		return drafter.Ask{}, &SkipError{"the drafter does not draw"}
	}
	ask := ask(a)
	ask.Sample, ask.Temperature = true, 0.8
	return ask, nil
}

func checkDrawn(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		ask, err := sampling(a)
		if err != nil {
			return err
		}
		return alone(ctx, a, func(s drafter.Session) error {
			if _, err := env.proposed(ctx, a, s, text(env.target(), textTokens, 3)); err != nil {
				return err
			}
			for ask.Seed = range 8 {
				first, err := env.propose(ctx, a, s, ask)
				if err != nil {
					return err
				}
				if len(first.Tokens) > 0 && first.Drawn == nil {
					return fmt.Errorf("drawn tokens came without distributions")
				}
				again, err := env.propose(ctx, a, s, ask)
				if err != nil {
					return err
				}
				if err := same(first, again, fmt.Sprintf("seed %d again", ask.Seed)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// draws is how many first tokens are counted.
const draws = 2000

func checkFrequencies(ctx context.Context, env *Env) error {
	return env.attach(ctx, func(a drafter.Attachment) error {
		ask, err := sampling(a)
		if err != nil {
			return err
		}
		ask.N = 1
		return alone(ctx, a, func(s drafter.Session) error {
			if _, err := env.proposed(ctx, a, s, text(env.target(), textTokens, 4)); err != nil {
				return err
			}
			var q drafter.Distribution
			counts, total := map[drafter.Token]float64{}, 0.0
			for ask.Seed = range draws {
				p, err := env.propose(ctx, a, s, ask)
				if err != nil {
					return err
				}
				if len(p.Tokens) > 0 {
					q = p.Drawn[0]
					counts[p.Tokens[0]]++
					total++
				}
			}
			if total == 0 {
				return &SkipError{"the drafter has nothing to say"}
			}
			chi, cells := 0.0, 0
			for i, t := range q.Tokens {
				if want := total * float64(q.Probabilities[i]); want >= 5 {
					chi += (counts[t] - want) * (counts[t] - want) / want
					cells++
				}
			}
			// The mean of chi-squared is its degrees of freedom, its deviation the root of twice that.
			if free := float64(cells); chi > 2*free+20 {
				return fmt.Errorf("chi-squared is %.1f for %d tokens", chi, cells)
			}
			return nil
		})
	})
}
