package engine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/sampling"
	"github.com/kakeyad/kakeyad/core/decode/textstream"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Generate runs one request; emit is called from the caller's goroutine. Decoding does not wait
// for emit: what comes meanwhile is merged into the next event. It returns when the request has
// given up its slot. See [backend.Backend].
func (e *Engine) Generate(ctx context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, g, err := e.newGeneration(req)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	r.draft = e.drafts.open(ctx, g, req)
	defer e.drafts.close(r.draft)
	out := g.out
	return e.follow(ctx, r, out.ready, func() error {
		if event, ok := out.fetch(); ok {
			return emit(event)
		}
		return nil
	})
}

// newGeneration checks a request and makes it ready for the loop.
func (e *Engine) newGeneration(req backend.GenerateRequest) (*request, *generation, error) {
	switch {
	case req.MaxTokens < 0:
		return nil, nil, fmt.Errorf("max_tokens %d is negative: %w", req.MaxTokens, base.ErrInvalid)
	case req.TopLogprobs < 0 || req.TopLogprobs > maxTopLogprobs:
		return nil, nil, fmt.Errorf("top_logprobs %d is not within 0 to %d: %w", req.TopLogprobs, maxTopLogprobs, base.ErrInvalid)
	}
	tokens, err := e.tokenize(req.Prompt)
	if err != nil {
		return nil, nil, err
	}
	if len(tokens)+1 > e.opts.Context {
		return nil, nil, &backend.ContextFullError{Requested: len(tokens) + 1, Available: e.opts.Context}
	}
	sampler, err := sampling.New(req.Sampling, e.vocab.Size())
	if err != nil {
		return nil, nil, err
	}
	sampler.Prime(tokens)
	matcher, err := e.constraints.matcher(req.Constraint)
	if err != nil {
		return nil, nil, err
	}
	g := &generation{
		vocab:     e.vocab,
		sampler:   sampler,
		matcher:   matcher,
		text:      textstream.New(req.Stop),
		out:       newOutbox(),
		limit:     e.opts.Context,
		logprobs:  req.Logprobs,
		top:       req.TopLogprobs,
		special:   req.KeepSpecial,
		submitted: time.Now(),
	}
	if req.Sampling.IgnoreEOS {
		g.banned = e.ends
	}
	if req.MaxTokens > 0 && req.MaxTokens < math.MaxInt-len(tokens) {
		g.limit = min(g.limit, len(tokens)+req.MaxTokens)
	}
	// The answer is appended: the caller's slice stays as it is.
	r := newRequest(g, slices.Concat(tokens, make([]backend.Token, 0, min(g.limit-len(tokens), 256))))
	r.outputFrom = len(tokens) - 1
	r.private = req.NoCache
	r.scope = req.Scope
	r.out = g.out
	return r, g, nil
}
