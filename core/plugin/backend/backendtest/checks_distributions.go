package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

func checkDistributions(ctx context.Context, env *Env) error {
	if err := env.need(ctx, backend.CapDistributions); err != nil {
		return err
	}
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	tokens, err := m.tokenize(ctx, env.prompt(), true, false)
	if err != nil {
		return err
	}
	req := backend.ScoreRequest{Model: m.id, Tokens: tokens, From: 2, TopLogprobs: 3}
	var told []backend.Levels
	req.Distribution = func(l backend.Levels) error {
		told = append(told, append(backend.Levels(nil), l...))
		return nil
	}
	r, err := env.Backend.Score(ctx, req)
	if err != nil {
		return err
	}
	if len(told) != len(tokens)-req.From || len(told) != len(r.Tokens) {
		return fmt.Errorf("%d distributions and %d scores of %d tokens", len(told), len(r.Tokens), len(tokens)-req.From)
	}
	for i, l := range told {
		if err := m.checkLevels(l, r.Tokens[i]); err != nil {
			return fmt.Errorf("distribution %d: %w", i, err)
		}
	}
	stop := errors.New("enough")
	calls := 0
	req.Distribution = func(backend.Levels) error { calls++; return stop }
	if _, err := env.Backend.Score(ctx, req); !errors.Is(err, stop) {
		return fmt.Errorf("the callee's own error did not come back, but: %w", err)
	}
	if calls != 1 {
		return fmt.Errorf("a callee that returned an error was called %d times", calls)
	}
	return nil
}

// checkLevels compares a distribution with log-probabilities that were computed of the same.
func (m *model) checkLevels(levels backend.Levels, want backend.TokenLogprob) error {
	if len(levels) != m.info.Vocabulary {
		return fmt.Errorf("%d levels, the vocabulary has %d tokens", len(levels), m.info.Vocabulary)
	}
	sum := 0.0
	for _, l := range levels {
		sum += math.Exp(-float64(l) / backend.LevelsPerNat)
	}
	for _, t := range append(want.Top, want) {
		l := levels[t.Token]
		got := -float64(l)/backend.LevelsPerNat - math.Log(sum)
		if l != math.MaxUint16 && math.Abs(got-float64(t.Logprob)) > 1.0/backend.LevelsPerNat {
			return fmt.Errorf("token %d has %v, its log-probability is %v", t.Token, got, t.Logprob)
		}
	}
	return nil
}
