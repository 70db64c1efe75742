package backendtest

import (
	"context"
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

var logprobChecks = []Check{
	{
		Name: "logprobs/greedy",
		Doc:  "Alternatives are as many as asked, most likely first, begin with a greedy token, and their probabilities sum to at most 1.",
		Run:  checkLogprobs,
	},
	{
		Name: "logprobs/model",
		Doc:  "Log-probabilities are the model's: temperature, filters, penalties and biases do not change them.",
		Run:  checkLogprobsOfModel,
	},
	{
		Name: "logprobs/none",
		Doc:  "Without Logprobs no event has any.",
		Run:  checkNoLogprobs,
	},
}

func checkLogprobs(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	for _, top := range []int{0, 1, backend.MaxTopLogprobs} {
		req := m.greedy(12)
		req.TopLogprobs = top
		a, err := m.ask(ctx, req)
		if err != nil {
			return err
		}
		for i, l := range a.logprobs {
			if err := m.checkLogprob(ctx, l, top); err != nil {
				return fmt.Errorf("token %d: %w", i, err)
			}
			if top > 0 && l.Top[0].Token != l.Token && float64(l.Top[0].Logprob-l.Logprob) > env.NearTie {
				return fmt.Errorf("token %d: greedy drew %d, %d is more likely", i, l.Token, l.Top[0].Token)
			}
		}
	}
	return nil
}

// checkLogprob is what holds for any entry with so many alternatives.
func (m *model) checkLogprob(ctx context.Context, l backend.TokenLogprob, top int) error {
	const rounding = 1e-3
	if !(l.Logprob <= rounding) || math.IsInf(float64(l.Logprob), 0) {
		return fmt.Errorf("log-probability %v", l.Logprob)
	}
	piece, err := m.env.Backend.Detokenize(ctx, m.id, []backend.Token{l.Token})
	if err != nil {
		return err
	}
	if string(piece) != string(l.Bytes) {
		return fmt.Errorf("bytes %q, detokenized %q", l.Bytes, piece)
	}
	if len(l.Top) != top {
		return fmt.Errorf("%d alternatives, %d were asked for", len(l.Top), top)
	}
	sum, seen := 0.0, make(map[backend.Token]bool)
	for i, t := range l.Top {
		switch {
		case i > 0 && t.Logprob > l.Top[i-1].Logprob:
			return fmt.Errorf("alternative %d is more likely than the one before", i)
		case seen[t.Token]:
			return fmt.Errorf("token %d is an alternative twice", t.Token)
		case len(t.Top) > 0:
			return fmt.Errorf("alternative %d has alternatives", i)
		case t.Token == l.Token && t.Logprob != l.Logprob:
			return fmt.Errorf("token %d has log-probabilities %v and %v", t.Token, t.Logprob, l.Logprob)
		}
		seen[t.Token] = true
		sum += math.Exp(float64(t.Logprob))
	}
	if sum > 1+rounding {
		return fmt.Errorf("the alternatives' probabilities sum to %v", sum)
	}
	return nil
}

func checkLogprobsOfModel(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	plain, err := m.ask(ctx, m.greedy(1))
	if err != nil {
		return err
	}
	req := m.greedy(1)
	first := plain.logprobs[0].Token
	req.Sampling = backend.Sampling{
		Temperature: 1.7, TopK: 3, TopP: 0.5, MinP: 0.1, Seed: 5,
		RepeatPenalty: 1.5, FrequencyPenalty: 1, PresencePenalty: 1, PenaltyLastN: -1,
		LogitBias: map[backend.Token]float32{first: 100},
	}
	a, err := m.ask(ctx, req)
	if err != nil {
		return err
	}
	got, want := a.logprobs[0], plain.logprobs[0]
	if got.Token != want.Token || math.Abs(float64(got.Logprob-want.Logprob)) > env.logprobError() {
		return fmt.Errorf("token %d has %v, by other sampling token %d has %v", want.Token, want.Logprob, got.Token, got.Logprob)
	}
	return nil
}

func checkNoLogprobs(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	req := m.greedy(4)
	req.Logprobs, req.TopLogprobs = false, 0
	_, err = m.ask(ctx, req) // every answer is held to it
	return err
}
