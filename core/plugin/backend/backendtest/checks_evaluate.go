package backendtest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var evaluateChecks = []Check{
	{
		Name: "score/agrees",
		Doc:  "Score gives a generated answer the log-probabilities that Generate gave it.",
		Run:  checkScore,
	},
	{
		Name: "score/invalid",
		Doc:  "Too few tokens, a From outside them and a token that does not exist are ErrInvalid.",
		Run:  checkScoreInvalid,
	},
	{
		Name: "score/distributions",
		Doc:  "Score tells of the distribution of each token, as its log-probabilities have it, and ends with the error of who is told.",
		Run:  checkDistributions,
	},
	{
		Name: "embed/vectors",
		Doc:  "One vector an input, of the model's width, of length 1 when normalised, and the same every time.",
		Run:  checkEmbed,
	},
	{
		Name: "evaluate/unsupported",
		Doc:  "Embed and Score are ErrUnsupported where they are not announced.",
		Run:  checkNotAnnounced,
	},
}

func checkScore(ctx context.Context, env *Env) error {
	if err := env.need(ctx, backend.CapScore); err != nil {
		return err
	}
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	prompt, err := m.tokenize(ctx, env.prompt(), true, false)
	if err != nil {
		return err
	}
	a, err := m.ask(ctx, m.greedy(12))
	if err != nil {
		return err
	}
	tokens := slices.Concat(prompt, a.tokens)
	for _, from := range []int{len(prompt), 1, len(tokens) - 1} {
		r, err := env.Backend.Score(ctx, backend.ScoreRequest{Model: m.id, Tokens: tokens, From: from, TopLogprobs: 3})
		if err != nil {
			return err
		}
		if len(r.Tokens) != len(tokens)-from {
			return fmt.Errorf("from %d of %d tokens: %d scores", from, len(tokens), len(r.Tokens))
		}
		for i, l := range r.Tokens {
			if l.Token != tokens[from+i] {
				return fmt.Errorf("score %d is of token %d, given was %d", i, l.Token, tokens[from+i])
			}
			if err := m.checkLogprob(ctx, l, 3); err != nil {
				return fmt.Errorf("score %d: %w", i, err)
			}
			n := from + i - len(prompt)
			if n >= 0 && math.Abs(float64(l.Logprob-a.logprobs[n].Logprob)) > env.logprobError() {
				return fmt.Errorf("token %d of the answer: scored %v, generated %v", n, l.Logprob, a.logprobs[n].Logprob)
			}
		}
	}
	return nil
}

func checkScoreInvalid(ctx context.Context, env *Env) error {
	if err := env.need(ctx, backend.CapScore); err != nil {
		return err
	}
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	for _, req := range []backend.ScoreRequest{
		{Tokens: []backend.Token{1}, From: 1},
		{Tokens: []backend.Token{1, 2}, From: 0},
		{Tokens: []backend.Token{1, 2}, From: 2},
		{Tokens: []backend.Token{1, 2}, From: 1, TopLogprobs: backend.MaxTopLogprobs + 1},
		{Tokens: []backend.Token{1, backend.Token(m.info.Vocabulary)}, From: 1},
	} {
		req.Model = m.id
		_, err := env.Backend.Score(ctx, req)
		if wrong := expect(err, base.ErrInvalid, fmt.Sprintf("score %+v", req)); wrong != nil {
			return wrong
		}
	}
	return nil
}

func checkEmbed(ctx context.Context, env *Env) error {
	if err := env.need(ctx, backend.CapEmbed); err != nil {
		return err
	}
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	req := backend.EmbedRequest{
		Model:     m.id,
		Inputs:    []backend.Prompt{{Text: "a cat", AddSpecial: true}, {Text: "the weather of tomorrow", AddSpecial: true}},
		Normalize: true,
	}
	once, err := env.Backend.Embed(ctx, req)
	if err != nil {
		return err
	}
	again, err := env.Backend.Embed(ctx, req)
	if err != nil {
		return err
	}
	if len(once.Vectors) != 2 || len(again.Vectors) != 2 || once.PromptTokens < 2 {
		return fmt.Errorf("%d vectors of 2 inputs, %d tokens", len(once.Vectors), once.PromptTokens)
	}
	for i, v := range once.Vectors {
		if len(v) != m.info.Embedding {
			return fmt.Errorf("vector %d has %d elements, the model is %d wide", i, len(v), m.info.Embedding)
		}
		length := 0.0
		for j, x := range v {
			length += float64(x) * float64(x)
			if math.Abs(float64(x-again.Vectors[i][j])) > env.logprobError() {
				return fmt.Errorf("vector %d differs from one call to the next", i)
			}
		}
		if math.Abs(math.Sqrt(length)-1) > 1e-3 {
			return fmt.Errorf("vector %d has length %v", i, math.Sqrt(length))
		}
	}
	if slices.Equal(once.Vectors[0], once.Vectors[1]) {
		return fmt.Errorf("different inputs have the same vector")
	}
	return nil
}

func checkNotAnnounced(ctx context.Context, env *Env) error {
	noEmbed, noScore := env.need(ctx, backend.CapEmbed) != nil, env.need(ctx, backend.CapScore) != nil
	if !noEmbed && !noScore {
		return &SkipError{Reason: "the backend announces both"}
	}
	m, err := env.model(ctx)
	if err != nil {
		return err
	}
	if noEmbed {
		_, err := env.Backend.Embed(ctx, backend.EmbedRequest{Model: m.id, Inputs: []backend.Prompt{{Text: "a cat"}}})
		if wrong := expect(err, base.ErrUnsupported, "embed"); wrong != nil {
			return wrong
		}
	}
	if noScore {
		_, err := env.Backend.Score(ctx, backend.ScoreRequest{Model: m.id, Tokens: []backend.Token{1, 2}, From: 1})
		return expect(err, base.ErrUnsupported, "score")
	}
	return nil
}
