package compare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/kakeyad/kakeyad/core/eval"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// passage is tokens that are scored together, from an index on.
type passage struct {
	tokens []backend.Token
	from   int
	text   bool // of the text; else an answer of the baseline's
}

// scored is what a channel says of all passages' tokens.
type scored struct {
	answers, text tally
	bytes         int // of the text's scored tokens
}

type tally struct {
	logp []float64
	top  []backend.Token
	kl   []float64
}

// scores has every channel score the baseline's answers and the text. The baseline's distributions
// lie on disk meanwhile, and one scorer at a time is open.
func (r *run) scores(ctx context.Context) (err error) {
	if r.o.NoScores {
		return nil
	}
	spool, err := eval.NewSpool(r.o.TempDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, spool.Close()) }()
	var first scored
	var passages []passage
	for c := range r.channels {
		name := r.report.Channels[c].Label
		r.tell("scoring", name, c, len(r.channels))
		s, err := r.channels[c].Scorer(ctx)
		if errors.Is(err, base.ErrUnsupported) {
			r.report.Channels[c].note(err.Error())
			if c == 0 {
				r.report.Channels[c].note("no channel is compared by its distributions")
				return nil
			}
			continue
		}
		if err != nil {
			return named(name, err)
		}
		own, err := r.passages(ctx, s)
		if err == nil && c == 0 {
			passages = own
		}
		var got scored
		alike := slices.EqualFunc(own, passages, func(a, b passage) bool { return slices.Equal(a.tokens, b.tokens) }) && r.alike(c)
		if err == nil {
			got, err = score(ctx, s, own, c, alike, spool)
		}
		s.Close()
		if err != nil {
			return named(name, err)
		}
		if c == 0 {
			first = got
		}
		r.settle(c, first, got, alike)
	}
	return nil
}

// alike says whether a channel's tokens mean what the baseline's do.
func (r *run) alike(c int) bool {
	return r.report.Channels[c].Model.Vocabulary == r.report.Channels[0].Model.Vocabulary &&
		slices.EqualFunc(r.prompts[c], r.prompts[0], func(a, b []backend.Token) bool { return slices.Equal(a, b) })
}

// passages are the baseline's answers and the text's windows, in a scorer's own tokens.
func (r *run) passages(ctx context.Context, s Scorer) ([]passage, error) {
	var out []passage
	for p := range r.o.Prompts {
		prompt := r.prompts[0][p]
		if a := r.first[0][p].Tokens; len(a) > 0 && len(prompt) > 0 {
			out = append(out, passage{tokens: slices.Concat(prompt, a), from: len(prompt)})
		}
	}
	if r.o.Text == "" {
		return out, nil
	}
	tokens, err := s.Tokenize(ctx, r.o.Text)
	if err != nil {
		return nil, fmt.Errorf("the text: %w", err)
	}
	size := r.o.Context
	if most := s.Model().Options.Context; most > 0 {
		size = min(size, most)
	}
	windows := eval.Cut(tokens, eval.Begin(s.Model()), size, r.o.Windows)
	if len(windows) == 0 {
		return nil, fmt.Errorf("the text: %w: it has no two tokens", base.ErrInvalid)
	}
	r.report.Settings.Text, r.report.Settings.Context = r.o.TextName, size
	for _, w := range windows {
		out = append(out, passage{tokens: w, from: 1, text: true})
	}
	return out, nil
}

// score scores passages. The first channel's distributions go into the spool; those of others whose
// tokens are alike are compared with them, and only the text is scored where they are not.
func score(ctx context.Context, s Scorer, passages []passage, channel int, alike bool, spool *eval.Spool) (scored, error) {
	var out scored
	var next func(backend.Levels) error
	if channel > 0 && alike {
		var err error
		if next, err = spool.Rewind(); err != nil {
			return out, err
		}
	}
	p := make(backend.Levels, s.Model().Vocabulary)
	for _, g := range passages {
		t := &out.answers
		if g.text {
			t = &out.text
		}
		req := backend.ScoreRequest{Tokens: g.tokens, From: g.from, TopLogprobs: 1}
		switch {
		case channel == 0:
			req.Distribution = spool.Add
		case alike:
			req.Distribution = func(q backend.Levels) error {
				if err := next(p); err != nil {
					return err
				}
				kl, err := eval.Divergence(p, q)
				t.kl = append(t.kl, kl)
				return err
			}
		case !g.text:
			continue
		}
		tokens, err := s.Score(ctx, req)
		if err != nil {
			return out, err
		}
		if g.text {
			n, err := s.Bytes(ctx, g.tokens[g.from:])
			if err != nil {
				return out, err
			}
			out.bytes += n
		}
		for _, x := range tokens {
			t.logp = append(t.logp, float64(x.Logprob))
			t.top = append(t.top, x.Top[0].Token)
		}
	}
	return out, nil
}

// settle makes a channel's result of what it and the baseline said.
func (r *run) settle(c int, first, got scored, alike bool) {
	result := &r.report.Channels[c]
	if c > 0 && !alike {
		result.note("its tokens are not the baseline's: their distributions do not compare, nor does perplexity a token; bits a byte do")
	}
	if c > 0 && alike && len(got.answers.kl) > 0 {
		same := 0
		for i, t := range got.answers.top {
			if t == first.answers.top[i] {
				same++
			}
		}
		result.Agreement = &Agreement{Tokens: len(got.answers.kl), KL: eval.Mean(got.answers.kl), Top1: eval.Share(same, len(got.answers.top))}
	}
	if n := len(got.text.logp); n > 0 {
		nats := 0.0
		for _, l := range got.text.logp {
			nats -= l
		}
		p := &Perplexity{Tokens: n, Value: eval.Perplexity(got.text.logp)}
		p.BitsPerByte = nats / math.Ln2 / float64(max(got.bytes, 1))
		if c > 0 && alike {
			change := eval.PerplexityChange(first.text.logp, got.text.logp)
			p.Change = &change
		}
		result.Perplexity = p
	}
}
