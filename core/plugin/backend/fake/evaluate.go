package fake

import (
	"context"
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// embedWidth is the length of an embedding.
const embedWidth = 16

// Embed implements [backend.Backend].
func (b *Backend) Embed(ctx context.Context, req backend.EmbedRequest) (backend.EmbedResult, error) {
	m, err := b.model(req.Model)
	if err != nil {
		return backend.EmbedResult{}, err
	}
	if len(req.Inputs) == 0 {
		return backend.EmbedResult{}, fmt.Errorf("inputs: %w: there is none", base.ErrInvalid)
	}
	var out backend.EmbedResult
	for i, p := range req.Inputs {
		if err := ctx.Err(); err != nil {
			return backend.EmbedResult{}, err
		}
		tokens, err := m.tokens(fmt.Sprintf("inputs[%d]", i), p)
		if err != nil {
			return backend.EmbedResult{}, err
		}
		if len(tokens) > m.info.Options.Context {
			return backend.EmbedResult{}, &backend.ContextFullError{Requested: len(tokens), Available: m.info.Options.Context}
		}
		out.Vectors = append(out.Vectors, embedding(tokens, req.Normalize))
		out.PromptTokens += len(tokens)
	}
	switch {
	case m.lies(LieEmbed):
		out.Vectors = nil
	case m.lies(LieDimension):
		out.Vectors[0] = out.Vectors[0][1:]
	}
	return out, nil
}

// embedding scatters the hash of the tokens over a vector.
func embedding(tokens []backend.Token, normalize bool) []float32 {
	bits := history{}.extend(tokens).hash
	v := make([]float32, embedWidth)
	length := 0.0
	for i := range v {
		bits = mix(bits)
		v[i] = float32(int64(bits)) / (1 << 62)
		length += float64(v[i]) * float64(v[i])
	}
	if normalize {
		for i := range v {
			v[i] = float32(float64(v[i]) / math.Sqrt(length))
		}
	}
	return v
}

// Score implements [backend.Backend].
func (b *Backend) Score(ctx context.Context, req backend.ScoreRequest) (backend.ScoreResult, error) {
	m, err := b.model(req.Model)
	if err != nil {
		return backend.ScoreResult{}, err
	}
	switch {
	case len(req.Tokens) < 2:
		return backend.ScoreResult{}, fmt.Errorf("tokens: %w: at least two are needed", base.ErrInvalid)
	case req.From < 1 || req.From >= len(req.Tokens):
		return backend.ScoreResult{}, fmt.Errorf("from: %w: %d is not between 1 and %d", base.ErrInvalid, req.From, len(req.Tokens)-1)
	case req.TopLogprobs < 0 || req.TopLogprobs > backend.MaxTopLogprobs:
		return backend.ScoreResult{}, fmt.Errorf("top_logprobs: %w: %d is not between 0 and %d", base.ErrInvalid, req.TopLogprobs, backend.MaxTopLogprobs)
	case len(req.Tokens) > m.info.Options.Context:
		return backend.ScoreResult{}, &backend.ContextFullError{Requested: len(req.Tokens), Available: m.info.Options.Context}
	}
	if err := vocabulary.check("tokens", req.Tokens); err != nil {
		return backend.ScoreResult{}, err
	}
	if err := m.hang(ctx, "score"); err != nil {
		return backend.ScoreResult{}, err
	}
	var out backend.ScoreResult
	h := history{}.extend(req.Tokens[:req.From])
	for _, t := range req.Tokens[req.From:] {
		if err := ctx.Err(); err != nil {
			return backend.ScoreResult{}, err
		}
		d := h.distribution(nil)
		if req.Distribution != nil {
			if err := req.Distribution(d.levels()); err != nil {
				return backend.ScoreResult{}, err
			}
		}
		out.Tokens = append(out.Tokens, d.logprob(t, req.TopLogprobs))
		h = h.next(t)
	}
	if m.lies(LieScore) {
		out.Tokens = out.Tokens[1:]
	}
	return out, nil
}
