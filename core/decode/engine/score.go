package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/sampling"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// maxTopLogprobs is the most alternatives that a request may ask for.
const maxTopLogprobs = 20

// Score returns the log-probabilities of given tokens. It takes a slot like any other request,
// computes all tokens itself and leaves none in the cache. See [backend.Backend].
func (e *Engine) Score(ctx context.Context, req backend.ScoreRequest) (backend.ScoreResult, error) {
	n := len(req.Tokens)
	var err error
	switch {
	case n < 2:
		err = fmt.Errorf("tokens: %d given, at least two are needed: %w", n, base.ErrInvalid)
	case req.From < 1 || req.From >= n:
		err = fmt.Errorf("from %d is not within 1 to %d: %w", req.From, n-1, base.ErrInvalid)
	case req.TopLogprobs < 0 || req.TopLogprobs > maxTopLogprobs:
		err = fmt.Errorf("top_logprobs %d is not within 0 to %d: %w", req.TopLogprobs, maxTopLogprobs, base.ErrInvalid)
	case n > e.opts.Context:
		err = &backend.ContextFullError{Requested: n, Available: e.opts.Context}
	default:
		err = e.known("tokens", req.Tokens)
	}
	if err != nil {
		return backend.ScoreResult{}, fmt.Errorf("engine: %w", err)
	}
	s := &scoring{vocab: e.vocab, tokens: slices.Clone(req.Tokens), top: req.TopLogprobs}
	r := newRequest(s, s.tokens[:n-1])
	r.outputFrom = req.From - 1
	r.private = true
	if req.Distribution == nil {
		err = e.wait(ctx, r)
	} else {
		s.levels = newLevelBox()
		err = e.follow(ctx, r, s.levels.ready, func() error { return s.levels.drain(req.Distribution) })
	}
	if err != nil {
		return backend.ScoreResult{}, err
	}
	return backend.ScoreResult{Tokens: s.scored}, nil
}

// scoring is the task of Score: its request computes all tokens but the last.
type scoring struct {
	vocab  Vocabulary
	tokens []backend.Token
	top    int
	scored []backend.TokenLogprob
	levels *levelBox // nil: nobody asks for distributions
}

func (*scoring) placed(*request, int, time.Time) {}

func (*scoring) finish(*request) {}

func (s *scoring) logits(r *request, logits []float32, _ *offer, _ time.Time) (done bool, err error) {
	r.outputFrom++
	l, err := logprob(s.vocab, logits, s.tokens[r.outputFrom], s.top)
	if err != nil {
		return true, err
	}
	s.scored = append(s.scored, l)
	if s.levels != nil {
		s.levels.put(logits)
	}
	return r.outputFrom == len(s.tokens)-1, nil
}

// logprob returns the log-probability of a token and of the most likely ones, with their bytes.
func logprob(v Vocabulary, logits []float32, t backend.Token, top int) (backend.TokenLogprob, error) {
	p, err := sampling.Logprobs(logits, t, top)
	if err != nil {
		return p, fmt.Errorf("engine: log-probability of token %d: %w", t, err)
	}
	p.Bytes = v.Piece(t, true)
	for i := range p.Top {
		p.Top[i].Bytes = v.Piece(p.Top[i].Token, true)
	}
	return p, nil
}
