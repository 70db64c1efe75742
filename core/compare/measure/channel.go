package measure

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/compare"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/router"
)

// channel is a call that is held.
type channel struct {
	bench *Bench
	call  *router.Call
}

// Info implements compare.Channel.
func (c *channel) Info() compare.Info {
	of := c.call.Channel()
	out := compare.Info{Name: of.Name, ID: of.ID.String(), Backend: of.Backend, Model: c.call.Model()}
	if of.Codec != nil {
		out.Codec = fmt.Sprintf("%s q%d", of.Codec.Name, of.Codec.Q)
		if mode := of.Load.Cache.Mode; mode != backend.CacheParked {
			out.Codec += " " + mode
		}
	}
	if of.Drafter != nil {
		out.Drafter = of.Drafter.Name
	}
	return out
}

// Prompt implements compare.Channel. A model without a chat template, and none to guess, continues the
// messages' text.
func (c *channel) Prompt(ctx context.Context, p compare.Prompt) ([]backend.Token, error) {
	req := router.ChatRequest{}
	for _, m := range p.Messages {
		req.Messages = append(req.Messages, chat.Message{Role: m.Role, Content: m.Content})
	}
	prompt, err := c.call.Prompt(ctx, req)
	if err != nil {
		return nil, err
	}
	if prompt.Tokens != nil {
		return prompt.Tokens, nil
	}
	return c.call.Tokenize(ctx, prompt.Text, prompt.AddSpecial, prompt.ParseSpecial)
}

// Answer implements compare.Channel.
func (c *channel) Answer(ctx context.Context, tokens []backend.Token, n int) (compare.Answer, error) {
	a, _, err := answer(ctx, c.call, tokens, n, true)
	return a, err
}

// answer continues tokens greedily, with nothing that was computed before or with what is kept.
func answer(ctx context.Context, call *router.Call, tokens []backend.Token, n int, alone bool) (a compare.Answer, end *backend.Final, err error) {
	var greedy, none float32
	one := float32(1)
	began := time.Now()
	err = call.Complete(ctx, router.CompletionRequest{
		Params: router.Params{
			Temperature: &greedy, RepeatPenalty: &one, FrequencyPenalty: &none, PresencePenalty: &none,
			MaxTokens: &n, NoCache: alone,
		},
		Prompts: []backend.Prompt{{Tokens: tokens}},
	}, func(p router.Piece) error {
		if len(p.Tokens) > 0 && a.First == 0 {
			a.First = time.Since(began)
		}
		a.Tokens = append(a.Tokens, p.Tokens...)
		if p.Final != nil {
			end = p.Final
		}
		return nil
	})
	if err == nil && end == nil {
		err = fmt.Errorf("%w: the answer has no end", base.ErrCorrupt)
	}
	if err != nil {
		return a, nil, err
	}
	a.Prefill, a.Generate, a.Draft = end.Timings.Prefill, end.Timings.Generate, end.Draft
	a.Prompt = end.PromptTokens - end.CachedTokens
	return a, end, nil
}

// Text implements compare.Channel.
func (c *channel) Text(ctx context.Context, tokens []backend.Token) (string, error) {
	if len(tokens) == 0 {
		return "", nil
	}
	text, err := c.call.Detokenize(ctx, tokens)
	return strings.ToValidUTF8(string(text), "\uFFFD"), err
}

// Scorer implements compare.Channel.
func (c *channel) Scorer(ctx context.Context) (compare.Scorer, error) {
	of := c.call.Channel()
	call, err := c.bench.open(ctx, of.Scoring())
	if err != nil {
		return nil, err
	}
	return scorer{c.bench, call}, nil
}

// Close implements compare.Channel.
func (c *channel) Close() { c.bench.close(c.call) }

// scorer is a call as a compare.Scorer.
type scorer struct {
	bench *Bench
	call  *router.Call
}

// Model implements compare.Scorer.
func (s scorer) Model() backend.ModelInfo { return s.call.Model() }

// Tokenize implements compare.Scorer.
func (s scorer) Tokenize(ctx context.Context, text string) ([]backend.Token, error) {
	return s.call.Tokenize(ctx, text, false, false)
}

// Bytes implements compare.Scorer.
func (s scorer) Bytes(ctx context.Context, tokens []backend.Token) (int, error) {
	text, err := s.call.Detokenize(ctx, tokens)
	return len(text), err
}

// Score implements compare.Scorer.
func (s scorer) Score(ctx context.Context, req backend.ScoreRequest) ([]backend.TokenLogprob, error) {
	return s.call.Score(ctx, req)
}

// Close implements compare.Scorer.
func (s scorer) Close() { s.bench.close(s.call) }
