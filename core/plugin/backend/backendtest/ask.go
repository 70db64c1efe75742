package backendtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// answer is a whole one.
type answer struct {
	text     string
	tokens   []backend.Token
	logprobs []backend.TokenLogprob
	prompt   backend.PromptInfo
	final    backend.Final
}

// greedy is a request of n tokens that leaves and reads no cache: equal ones get equal answers.
func (m *model) greedy(n int) backend.GenerateRequest {
	return backend.GenerateRequest{
		Model:     m.id,
		Prompt:    backend.Prompt{Text: m.env.prompt(), AddSpecial: true},
		Sampling:  backend.Sampling{IgnoreEOS: true},
		MaxTokens: n,
		NoCache:   true,

		Logprobs:    true, // near ties are proven by them
		TopLogprobs: 4,
	}
}

// ask runs a request and holds every answer to what all answers must keep.
func (m *model) ask(ctx context.Context, req backend.GenerateRequest) (answer, error) {
	return m.askEach(ctx, req, nil)
}

// askEach calls each, which may be nil, with every event.
func (m *model) askEach(ctx context.Context, req backend.GenerateRequest, each func(backend.Event) error) (answer, error) {
	var (
		a      answer
		text   strings.Builder
		broken error
		events int
		final  bool
		inside atomic.Bool
		over   atomic.Bool
	)
	err := m.env.Backend.Generate(ctx, req, func(e backend.Event) error {
		if !inside.CompareAndSwap(false, true) {
			return errors.New("emit is called concurrently")
		}
		defer inside.Store(false)
		if over.Load() {
			return errors.New("emit is called after Generate has returned")
		}
		if broken == nil {
			broken = checkEvent(e, req, events, final)
		}
		events++
		if e.Prompt != nil {
			a.prompt = *e.Prompt
		}
		if e.Final != nil {
			final, a.final = true, *e.Final
		}
		text.WriteString(e.Text)
		a.tokens = append(a.tokens, e.Tokens...)
		a.logprobs = append(a.logprobs, e.Logprobs...)
		if each != nil {
			return each(e)
		}
		return nil
	})
	over.Store(true)
	a.text = text.String()
	switch {
	case broken != nil:
		return a, broken
	case err != nil && final:
		return a, fmt.Errorf("generate emitted a final event and then failed: %w", err)
	case err != nil:
		return a, fmt.Errorf("generate: %w", err)
	case !final:
		return a, errors.New("generate returned without a final event")
	}
	return a, a.check(req)
}

func checkEvent(e backend.Event, req backend.GenerateRequest, n int, final bool) error {
	switch {
	case final:
		return errors.New("an event came after the final one")
	case n == 0 && e.Prompt == nil:
		return errors.New("the first event has no prompt info")
	case n > 0 && e.Prompt != nil:
		return fmt.Errorf("event %d has prompt info again", n)
	case !utf8.ValidString(e.Text):
		return fmt.Errorf("event %d has text that is not whole UTF-8: %q", n, e.Text)
	case req.Logprobs && len(e.Logprobs) != len(e.Tokens):
		return fmt.Errorf("event %d has %d logprobs for %d tokens", n, len(e.Logprobs), len(e.Tokens))
	case !req.Logprobs && len(e.Logprobs) > 0:
		return fmt.Errorf("event %d has logprobs that nobody asked for", n)
	}
	for i, l := range e.Logprobs {
		if l.Token != e.Tokens[i] {
			return fmt.Errorf("event %d: logprob %d is of token %d, drawn was %d", n, i, l.Token, e.Tokens[i])
		}
	}
	return nil
}

// check is what holds for a whole answer.
func (a answer) check(req backend.GenerateRequest) error {
	f := a.final
	switch {
	case f.OutputTokens != len(a.tokens):
		return fmt.Errorf("final counts %d output tokens, the events had %d", f.OutputTokens, len(a.tokens))
	case f.OutputTokens < 1:
		return errors.New("an answer without a token")
	case f.PromptTokens != a.prompt.Tokens || f.CachedTokens != a.prompt.Cached:
		return fmt.Errorf("final counts %d prompt tokens, %d cached; the first event had %d, %d",
			f.PromptTokens, f.CachedTokens, a.prompt.Tokens, a.prompt.Cached)
	case f.CachedTokens < 0 || f.CachedTokens >= f.PromptTokens:
		return fmt.Errorf("%d of %d prompt tokens are cached: the last one must be computed", f.CachedTokens, f.PromptTokens)
	case f.Reason != backend.FinishStop && f.Reason != backend.FinishLength:
		return fmt.Errorf("finish reason %q", f.Reason)
	case req.MaxTokens > 0 && f.OutputTokens > req.MaxTokens:
		return fmt.Errorf("%d tokens, at most %d were asked for", f.OutputTokens, req.MaxTokens)
	case f.StopString != "" && f.Reason != backend.FinishStop:
		return fmt.Errorf("stop string %q with finish reason %q", f.StopString, f.Reason)
	case f.Timings.Queue < 0 || f.Timings.Prefill < 0 || f.Timings.Generate < 0:
		return fmt.Errorf("negative timings: %+v", f.Timings)
	case req.Sampling.Seed != 0 && f.Seed != req.Sampling.Seed:
		return fmt.Errorf("final tells seed %d, asked was %d", f.Seed, req.Sampling.Seed)
	}
	for _, s := range req.Stop {
		if strings.Contains(a.text, s) {
			return fmt.Errorf("stop string %q is in the text %q", s, a.text)
		}
	}
	return nil
}

// same compares greedy answers of equal length. They may part where a near tie is proven by the
// log-probabilities of one of them.
func (e *Env) same(a, b answer) error {
	for i := range min(len(a.tokens), len(b.tokens)) {
		if a.tokens[i] == b.tokens[i] {
			continue
		}
		if gap := min(tie(a, i, b.tokens[i]), tie(b, i, a.tokens[i])); e.NearTie > 0 && gap <= e.NearTie {
			e.ties++
			return nil
		}
		return fmt.Errorf("answers part at token %d without a near tie: %d and %d, %q and %q",
			i, a.tokens[i], b.tokens[i], a.text, b.text)
	}
	if len(a.tokens) != len(b.tokens) || a.text != b.text {
		return fmt.Errorf("answers differ: %d tokens %q and %d tokens %q", len(a.tokens), a.text, len(b.tokens), b.text)
	}
	return nil
}

// tie is how much less likely another token was than the one drawn, infinite when unknown.
func tie(a answer, i int, other backend.Token) float64 {
	if i >= len(a.logprobs) {
		return math.Inf(1)
	}
	for _, top := range a.logprobs[i].Top {
		if top.Token == other {
			return math.Abs(float64(a.logprobs[i].Logprob - top.Logprob))
		}
	}
	return math.Inf(1)
}
