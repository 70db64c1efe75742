package engine

import (
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/grammar"
	"github.com/kakeyad/kakeyad/core/decode/sampling"
	"github.com/kakeyad/kakeyad/core/decode/textstream"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// generation is the task of Generate: it draws tokens and turns them into events.
type generation struct {
	vocab    Vocabulary
	sampler  *sampling.Sampler
	matcher  *grammar.Matcher // nil: no constraint
	banned   []backend.Token
	text     *textstream.Stream
	out      *outbox
	limit    int // most tokens in all, prompt and answer
	logprobs bool
	top      int
	special  bool // text of special tokens is part of the answer

	submitted, admitted, first time.Time
	cached                     int
	last                       *piece             // once it is done, without what was drafted
	undrafted                  backend.DraftStats // in the place of a draft that there is not
}

func (g *generation) placed(r *request, cached int, now time.Time) {
	g.admitted, g.cached = now, cached
	g.out.put(piece{prompt: &backend.PromptInfo{Tokens: r.prompt, Cached: cached}})
	g.out.tell()
}

func (g *generation) logits(r *request, logits []float32, offer *offer, now time.Time) (done bool, err error) {
	if g.first.IsZero() {
		g.first = now
	}
	t, err := g.draw(logits, offer)
	if err != nil {
		return true, err
	}
	r.tokens = append(r.tokens, t)
	r.outputFrom = len(r.tokens) - 1

	p := piece{drawn: true, token: t}
	if g.logprobs {
		l, err := logprob(g.vocab, logits, t, g.top)
		if err != nil {
			return true, err
		}
		p.logprob = &l
	}
	var stop string
	var stopped bool
	p.text, stop, stopped = g.text.Push(g.vocab.Piece(t, g.special))
	reason := backend.FinishStop
	switch {
	case stopped || g.vocab.IsEnd(t) || g.matcher != nil && g.matcher.Done():
	case len(r.tokens) == g.limit:
		reason = backend.FinishLength
	default:
		g.out.put(p)
		return false, nil
	}
	p.text += g.text.Flush()
	p.final = &backend.Final{
		Reason:       reason,
		StopString:   stop,
		Seed:         g.sampler.Seed(),
		PromptTokens: r.prompt,
		CachedTokens: g.cached,
		OutputTokens: len(r.tokens) - r.prompt,
		Timings: backend.Timings{
			Queue:    g.admitted.Sub(g.submitted),
			Prefill:  g.first.Sub(g.admitted),
			Generate: now.Sub(g.first),
		},
	}
	g.last = &p
	return true, nil
}

// finish hands out the last event of a generation that is done.
func (g *generation) finish(r *request) {
	g.last.final.Draft = g.undrafted
	if r.draft != nil {
		g.last.final.Draft = r.draft.stats
	}
	g.out.put(*g.last)
}

// draw draws the next token within the constraint, one that was offered if it may.
func (g *generation) draw(logits []float32, offer *offer) (t backend.Token, err error) {
	var mask sampling.Mask
	if g.matcher != nil {
		mask = g.matcher
	}
	if offer == nil {
		t, err = g.sampler.Sample(logits, mask, g.banned...)
	} else {
		t, err = g.sampler.Verify(logits, offer.token, offer.from.Tokens, offer.from.Probabilities, mask, g.banned...)
	}
	if err != nil {
		return 0, fmt.Errorf("engine: drawing a token: %w", err)
	}
	g.sampler.Accept(t)
	if g.matcher != nil {
		if err := g.matcher.Accept(t); err != nil {
			return 0, fmt.Errorf("engine: constraint: %w", err)
		}
	}
	return t, nil
}
