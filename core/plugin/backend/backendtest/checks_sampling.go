package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var samplingChecks = []Check{
	{
		Name: "sampling/seed",
		Doc:  "The same seed and request give the same answer; a seed that the backend draws is told and works the same.",
		Run:  checkSeed,
	},
	{
		Name: "sampling/seeds-differ",
		Doc:  "Different seeds give different answers.",
		Run:  checkSeedsDiffer,
	},
	{
		Name: "sampling/logit-bias",
		Doc:  "A bias of 100 makes a token certain, one of -100 keeps it out.",
		Run:  checkLogitBias,
	},
	{
		Name: "sampling/ignore-eos",
		Doc:  "IgnoreEOS draws no end token, even one that is biased.",
		Run:  checkIgnoreEOS,
	},
	{
		Name: "sampling/top-k-one",
		Doc:  "TopK 1 is greedy at any temperature.",
		Run:  checkTopKOne,
	},
	{
		Name: "sampling/invalid",
		Doc:  "A field that means nothing is ErrInvalid, which names it, and emits no event.",
		Run:  checkInvalid,
	},
}

// hot is a request whose answer depends on its seed.
func (m *model) hot(seed uint64) backend.GenerateRequest {
	req := m.greedy(24)
	req.Sampling = backend.Sampling{Temperature: 1.5, Seed: seed, IgnoreEOS: true}
	return req
}

func checkSeed(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	for _, seed := range []uint64{7, math.MaxUint64, 0} {
		once, err := m.ask(ctx, m.hot(seed))
		if err != nil {
			return err
		}
		if once.final.Seed == 0 {
			return fmt.Errorf("seed %d: Final does not tell the seed", seed)
		}
		again, err := m.ask(ctx, m.hot(once.final.Seed))
		if err != nil {
			return err
		}
		if !slices.Equal(once.tokens, again.tokens) {
			return fmt.Errorf("seed %d: %q, then %q", once.final.Seed, once.text, again.text)
		}
	}
	return nil
}

func checkSeedsDiffer(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	answers := make(map[string]bool)
	for seed := range uint64(4) {
		a, err := m.ask(ctx, m.hot(seed+1))
		if err != nil {
			return err
		}
		answers[a.text] = true
	}
	if len(answers) == 1 {
		return errors.New("four seeds gave one answer")
	}
	return nil
}

func checkLogitBias(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	plain, err := m.ask(ctx, m.greedy(1))
	if err != nil {
		return err
	}
	want, err := m.tokenize(ctx, "z", false, false)
	if err != nil {
		return err
	}
	chosen, first := want[len(want)-1], plain.tokens[0]
	req := m.greedy(3)
	req.Sampling.LogitBias = map[backend.Token]float32{chosen: 100}
	a, err := m.ask(ctx, req)
	if err != nil {
		return err
	}
	if !slices.Equal(a.tokens, []backend.Token{chosen, chosen, chosen}) {
		return fmt.Errorf("token %d has bias 100, drawn were %v", chosen, a.tokens)
	}
	req.Sampling.LogitBias = map[backend.Token]float32{first: -100}
	if a, err = m.ask(ctx, req); err != nil {
		return err
	}
	if a.tokens[0] == first {
		return fmt.Errorf("token %d has bias -100 and was drawn", first)
	}
	return nil
}

func checkIgnoreEOS(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	req := m.greedy(8)
	req.Sampling.LogitBias = make(map[backend.Token]float32)
	for _, t := range m.info.EndTokens {
		req.Sampling.LogitBias[t] = 100
	}
	a, err := m.ask(ctx, req)
	if err != nil {
		return err
	}
	for _, t := range a.tokens {
		if slices.Contains(m.info.EndTokens, t) {
			return fmt.Errorf("end token %d was drawn", t)
		}
	}
	if len(a.tokens) != 8 {
		return fmt.Errorf("%d tokens instead of 8, reason %q", len(a.tokens), a.final.Reason)
	}
	return nil
}

func checkTopKOne(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	greedy, err := m.ask(ctx, m.greedy(12))
	if err != nil {
		return err
	}
	req := m.greedy(12)
	req.Sampling.Temperature, req.Sampling.TopK, req.Sampling.Seed = 2, 1, 3
	a, err := m.ask(ctx, req)
	if err != nil {
		return err
	}
	return env.same(greedy, a)
}

func checkInvalid(ctx context.Context, env *Env) error {
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	for _, bad := range []struct {
		field  string
		change func(r *backend.GenerateRequest)
	}{
		{"temperature", func(r *backend.GenerateRequest) { r.Sampling.Temperature = -1 }},
		{"temperature", func(r *backend.GenerateRequest) { r.Sampling.Temperature = float32(math.NaN()) }},
		{"top_p", func(r *backend.GenerateRequest) { r.Sampling.TopP = 1.5 }},
		{"min_p", func(r *backend.GenerateRequest) { r.Sampling.MinP = -0.5 }},
		{"top_k", func(r *backend.GenerateRequest) { r.Sampling.TopK = -1 }},
		{"typical_p", func(r *backend.GenerateRequest) { r.Sampling.TypicalP = 2 }},
		{"repeat_penalty", func(r *backend.GenerateRequest) { r.Sampling.RepeatPenalty = -1 }},
		{"penalty_last_n", func(r *backend.GenerateRequest) { r.Sampling.PenaltyLastN = -2 }},
		{"max_tokens", func(r *backend.GenerateRequest) { r.MaxTokens = -1 }},
		{"top_logprobs", func(r *backend.GenerateRequest) { r.TopLogprobs = 21 }},
		{"prompt", func(r *backend.GenerateRequest) { r.Prompt.Tokens = []backend.Token{1} }},
		{"prompt", func(r *backend.GenerateRequest) { r.Prompt = backend.Prompt{} }},
		{"stop", func(r *backend.GenerateRequest) { r.Stop = []string{""} }},
	} {
		req := m.greedy(2)
		bad.change(&req)
		events := 0
		err := env.Backend.Generate(ctx, req, func(backend.Event) error { events++; return nil })
		if wrong := expectNaming(err, base.ErrInvalid, bad.field); wrong != nil {
			return wrong
		}
		if events > 0 {
			return fmt.Errorf("%s: %d events came before the error", bad.field, events)
		}
	}
	return nil
}
