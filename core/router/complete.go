package router

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// CompletionRequest is the input of Complete.
type CompletionRequest struct {
	Params
	Prompts []backend.Prompt // text or tokens; at least one
	Echo    bool             // answers begin with their prompt
	Suffix  string           // what comes after the answer, for models that fill in the middle
	BestOf  int              // answers a prompt, of which the N likeliest are told; 0: N
}

// Complete continues each of the prompts N times. The answers to the first prompt come first. With
// MaxTokens 0 nothing is generated.
func (c *Call) Complete(ctx context.Context, req CompletionRequest, emit func(Piece) error) error {
	n := max(req.N, 1)
	if req.BestOf > n {
		return c.best(ctx, req, n, emit)
	}
	prompts := make([]func() (prepared, error), len(req.Prompts))
	for i, p := range req.Prompts {
		p, err := c.filling(p, req.Suffix)
		if err != nil {
			return err
		}
		prompts[i] = sync.OnceValues(func() (prepared, error) { return c.prepare(ctx, req.Params, p) })
	}
	return several(ctx, n*len(prompts), emit, func(ctx context.Context, i int, emit func(Piece) error) error {
		p, err := prompts[i/n]()
		if err != nil {
			return err
		}
		p.request = seeded(p.request, i%n)
		return c.completion(ctx, req, p, emit)
	})
}

// prepared is a request, its prompt as the client gave it, and what was restored of that.
type prepared struct {
	request backend.GenerateRequest
	given   backend.Prompt
	from    restored
}

// prepare makes a request of a prompt. Its answers share what is restored.
func (c *Call) prepare(ctx context.Context, params Params, prompt backend.Prompt) (p prepared, err error) {
	p.request, p.given = c.request(params), prompt
	p.request.Prompt = prompt
	if params.MaxTokens == nil || *params.MaxTokens > 0 {
		p.from, err = c.restore(ctx, &p.request)
	}
	return p, err
}

// completion is one answer.
func (c *Call) completion(ctx context.Context, req CompletionRequest, p prepared, emit func(Piece) error) error {
	nothing := req.MaxTokens != nil && *req.MaxTokens == 0
	if req.Echo || nothing {
		tokens, err := c.echo(ctx, req, &p, emit)
		if err != nil {
			return err
		}
		if nothing {
			return emit(Piece{Event: backend.Event{Final: &backend.Final{Reason: backend.FinishLength, PromptTokens: tokens}}})
		}
	}
	return c.generate(ctx, p.request, p.from, func(e backend.Event) error { return emit(Piece{Event: e}) })
}

// echo tells the prompt, with the log-probabilities of its tokens if they are asked for, and
// returns how many tokens it has.
func (c *Call) echo(ctx context.Context, req CompletionRequest, p *prepared, emit func(Piece) error) (int, error) {
	given, g := p.given, &p.request
	if g.Prompt.Tokens == nil {
		tokens, err := c.Tokenize(ctx, given.Text, given.AddSpecial, given.ParseSpecial)
		if err != nil {
			return 0, err
		}
		if len(tokens) > 0 {
			g.Prompt = backend.Prompt{Tokens: tokens}
		}
	}
	tokens := g.Prompt.Tokens
	if !req.Echo {
		return len(tokens), nil
	}
	from := 0
	if m := c.Model(); given.Tokens == nil && len(tokens) > 0 && tokens[0] == m.Special["bos"] && !strings.HasPrefix(given.Text, m.Text["bos"]) {
		from = 1 // the tokenizer's own, not the client's
	}
	piece := Piece{Event: backend.Event{Text: given.Text}}
	if given.Tokens != nil {
		text, err := c.Detokenize(ctx, tokens)
		if err != nil {
			return 0, err
		}
		piece.Text = strings.ToValidUTF8(string(text), string(utf8.RuneError))
	}
	if req.Logprobs && len(tokens) > from {
		scores, err := c.scores(ctx, tokens, req.TopLogprobs)
		if err != nil {
			return 0, err
		}
		piece.Tokens, piece.Logprobs = tokens[from:], scores[from:]
	}
	return len(tokens), emit(piece)
}

// scores returns the log-probability of each token. That of the first is NaN: nothing comes before it.
func (c *Call) scores(ctx context.Context, tokens []backend.Token, top int) ([]backend.TokenLogprob, error) {
	first, err := c.Detokenize(ctx, tokens[:1])
	if err != nil {
		return nil, err
	}
	out := []backend.TokenLogprob{{Token: tokens[0], Bytes: first, Logprob: float32(math.NaN())}}
	if len(tokens) == 1 {
		return out, nil
	}
	rest, err := c.Score(ctx, backend.ScoreRequest{Tokens: tokens, From: 1, TopLogprobs: top})
	return append(out, rest...), err
}

// filling is the prompt of an answer with something after it.
func (c *Call) filling(p backend.Prompt, suffix string) (backend.Prompt, error) {
	if suffix == "" {
		return p, nil
	}
	f := middles(c.Model().Control)
	switch {
	case f == nil:
		return p, &FieldError{Field: "suffix", Reason: "this model was not made to fill in the middle", Unsupported: true}
	case p.Tokens != nil:
		return p, &FieldError{Field: "suffix", Reason: "a suffix needs a prompt that is text"}
	}
	p.Text = f[0] + p.Text + f[1] + suffix + f[2]
	return p, nil
}

// middles are the tokens before the text before, the text after, and what is to be filled in.
func middles(control []string) []string {
	for _, f := range [][]string{
		{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
		{"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
		{"<fim-prefix>", "<fim-suffix>", "<fim-middle>"},
		{"<PRE>", "<SUF>", "<MID>"},
		{"▁<PRE>", "▁<SUF>", "▁<MID>"},
		{"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},
	} {
		if slices.Contains(control, f[0]) && slices.Contains(control, f[1]) && slices.Contains(control, f[2]) {
			return f
		}
	}
	return nil
}

// best generates BestOf answers to each prompt and tells the n likeliest ones a token.
func (c *Call) best(ctx context.Context, req CompletionRequest, n int, emit func(Piece) error) error {
	of := req.BestOf
	logprobs := req.Logprobs
	req.BestOf, req.N, req.Logprobs = 0, of, true
	answers := make([]Piece, of*len(req.Prompts))
	err := c.Complete(ctx, req, func(p Piece) error {
		a := &answers[p.Choice]
		a.Text += p.Text
		a.Tokens = append(a.Tokens, p.Tokens...)
		a.Logprobs = append(a.Logprobs, p.Logprobs...)
		if p.Final != nil {
			a.Final = p.Final
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range req.Prompts {
		group := answers[i*of : (i+1)*of]
		output := 0
		for _, a := range group {
			output += a.Final.OutputTokens
		}
		slices.SortStableFunc(group, func(a, b Piece) int { return cmp.Compare(likelihood(b), likelihood(a)) })
		for k, a := range group[:n] {
			final := *a.Final
			if k == 0 { // the client's usage counts what was generated
				for _, told := range group[1:n] {
					output -= told.Final.OutputTokens
				}
				final.OutputTokens = output
			}
			a.Choice, a.Final = i*n+k, &final
			if !logprobs {
				a.Logprobs = nil
			}
			if err := emit(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// likelihood is the mean log-probability of an answer's tokens.
func likelihood(p Piece) float64 {
	sum, n := 0.0, 0
	for _, l := range p.Logprobs {
		if f := float64(l.Logprob); !math.IsNaN(f) {
			sum, n = sum+f, n+1
		}
	}
	return sum / float64(max(n, 1))
}
