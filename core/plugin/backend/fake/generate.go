package fake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Generate implements [backend.Backend].
func (b *Backend) Generate(ctx context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
	m, err := b.model(req.Model)
	if err != nil {
		return err
	}
	ctx, done, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	g, err := m.newGeneration(req, emit)
	if err != nil {
		return err
	}
	slot, err := m.slots.acquire(ctx)
	if err != nil {
		return err
	}
	err = g.run(ctx)
	var left session
	if err == nil && !req.NoCache {
		left = session{scope: req.Scope, tokens: g.tokens, known: len(g.tokens), state: g.history}
	}
	m.slots.release(slot, left, usage{g.prompt, g.cached, len(g.tokens) - g.prompt, time.Since(g.admitted)})
	return err
}

// generation is one request.
type generation struct {
	m       *model
	req     backend.GenerateRequest
	emit    func(backend.Event) error
	tokens  []backend.Token // prompt, then answer
	prompt  int             // of tokens
	script  []backend.Token // the answer, when it is not the model's to choose
	limit   int             // of tokens
	sampler *sampler
	text    text
	history history
	buf     [candidates]candidate

	queued, admitted, prefilled time.Time
	cached                      int
}

func (m *model) newGeneration(req backend.GenerateRequest, emit func(backend.Event) error) (*generation, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	prompt, err := m.tokens("prompt", req.Prompt)
	if err != nil {
		return nil, err
	}
	if err := m.fits(prompt); err != nil {
		return nil, err
	}
	script, err := m.script(req, prompt)
	if err != nil {
		return nil, err
	}
	g := &generation{
		m: m, req: req, emit: emit, script: script,
		tokens:  append(make([]backend.Token, 0, len(prompt)+64), prompt...),
		prompt:  len(prompt),
		limit:   m.info.Options.Context,
		sampler: newSampler(req.Sampling),
		text:    text{stops: req.Stop},
		queued:  time.Now(),
	}
	if req.MaxTokens > 0 {
		g.limit = min(g.limit, g.prompt+req.MaxTokens)
	}
	return g, nil
}

// tokens of a prompt, at least one.
func (m *model) tokens(field string, p backend.Prompt) ([]backend.Token, error) {
	tokens := p.Tokens
	if len(tokens) == 0 {
		tokens = vocabulary.tokenize(p.Text, p.AddSpecial, p.ParseSpecial)
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("%s: %w: it has no token", field, base.ErrInvalid)
	}
	return tokens, vocabulary.check(field, tokens)
}

// fits refuses a prompt that leaves no room for a token.
func (m *model) fits(prompt []backend.Token) error {
	if len(prompt) < m.info.Options.Context {
		return nil
	}
	return &backend.ContextFullError{Requested: len(prompt) + 1, Available: m.info.Options.Context}
}

// script is the answer that the model does not choose, nil when it does. It ends in an end token.
func (m *model) script(req backend.GenerateRequest, prompt []backend.Token) ([]backend.Token, error) {
	switch {
	case req.Constraint != backend.Constraint{}:
		text, err := instance(req.Constraint)
		if errors.Is(err, base.ErrUnsupported) && m.config.Answer != "" {
			text, err = m.config.Answer, nil
		}
		if err != nil {
			return nil, err
		}
		return append(vocabulary.tokenize(text, false, false), tokenEOS), nil
	case m.config.Answer != "":
		return append(vocabulary.tokenize(m.config.Answer, false, true), tokenEOS), nil
	case m.config.Echo:
		return append(slices.Clone(prompt), tokenEOS), nil
	}
	return nil, nil
}

// run is the request in its slot.
func (g *generation) run(ctx context.Context) error {
	g.admitted = time.Now()
	if !g.req.NoCache {
		g.cached, g.history = g.m.slots.match(g.req.Scope, g.tokens)
	}
	if err := g.emit(backend.Event{Prompt: &backend.PromptInfo{Tokens: g.prompt, Cached: g.cached}}); err != nil {
		return err
	}
	if rate := g.m.config.PrefillPerSecond; rate > 0 {
		if err := waitUntil(ctx, g.admitted.Add(after(g.prompt-g.cached, rate))); err != nil {
			return err
		}
	}
	g.history = g.history.extend(g.tokens[g.cached:])
	g.prefilled = time.Now()
	for n := 0; ; n++ {
		if err := g.m.misfortune(ctx, n, g.emit); err != nil {
			return err
		}
		if err := g.m.codec.token(ctx, len(g.tokens)); err != nil {
			return err
		}
		if rate := g.m.config.TokensPerSecond; rate > 0 {
			if err := waitUntil(ctx, g.prefilled.Add(after(n+1, rate))); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if ended, err := g.step(n); ended || err != nil {
			return err
		}
	}
}

// step draws the n-th token of the answer and emits it.
func (g *generation) step(n int) (ended bool, err error) {
	d := g.history.distribution(g.buf[:])
	token := g.choose(n, d)
	g.tokens = append(g.tokens, token)
	g.history = g.history.next(token)
	event := backend.Event{Tokens: g.tokens[len(g.tokens)-1:]}
	if g.req.Logprobs {
		event.Logprobs = []backend.TokenLogprob{d.logprob(token, g.req.TopLogprobs)}
	}
	var stop string
	event.Text, stop = g.text.push(vocabulary.piece(token, g.req.KeepSpecial))
	switch {
	case stop != "" || isEnd(token):
		event.Final = g.final(backend.FinishStop, stop)
	case len(g.tokens) >= g.limit:
		event.Final = g.final(backend.FinishLength, "")
	}
	if event.Final != nil && stop == "" {
		event.Text += g.text.flush()
	}
	return event.Final != nil, g.emit(event)
}

func (g *generation) choose(n int, d distribution) backend.Token {
	switch want := g.m.config.AnswerTokens; {
	case g.script != nil && n < len(g.script):
		return g.script[n]
	case want == 0 || g.req.Constraint != backend.Constraint{}:
		return g.sampler.draw(d)
	case n+1 >= want && !g.req.Sampling.IgnoreEOS:
		return tokenEOS
	default:
		token := g.sampler.draw(d)
		if isEnd(token) {
			token = firstWord
		}
		return token
	}
}

func (g *generation) final(reason backend.FinishReason, stop string) *backend.Final {
	return &backend.Final{
		Reason:       reason,
		StopString:   stop,
		Seed:         g.sampler.seed,
		PromptTokens: g.prompt,
		CachedTokens: g.cached,
		OutputTokens: len(g.tokens) - g.prompt,
		Timings: backend.Timings{
			Queue:    g.admitted.Sub(g.queued),
			Prefill:  g.prefilled.Sub(g.admitted),
			Generate: time.Since(g.prefilled),
		},
	}
}

func after(tokens int, perSecond float64) time.Duration {
	return time.Duration(float64(tokens) / perSecond * float64(time.Second))
}

// waitUntil returns the context's cause when it ends before.
func waitUntil(ctx context.Context, at time.Time) error {
	left := time.Until(at)
	if left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
