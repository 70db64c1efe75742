package router

import (
	"context"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Tokenize turns text into the model's tokens.
func (c *Call) Tokenize(ctx context.Context, text string, addSpecial, parseSpecial bool) ([]backend.Token, error) {
	ctx, done := c.bound(ctx)
	defer done()
	m := c.lease.Value()
	tokens, err := m.strict.Tokenize(ctx, backend.TokenizeRequest{Model: m.id, Text: text, AddSpecial: addSpecial, ParseSpecial: parseSpecial})
	return tokens, c.failure(ctx, err)
}

// Detokenize turns tokens into the bytes that they stand for. The bytes may end inside a character.
func (c *Call) Detokenize(ctx context.Context, tokens []backend.Token) ([]byte, error) {
	ctx, done := c.bound(ctx)
	defer done()
	m := c.lease.Value()
	text, err := m.strict.Detokenize(ctx, m.id, tokens)
	return text, c.failure(ctx, err)
}

// Embed returns one vector an input, of length 1.
func (c *Call) Embed(ctx context.Context, inputs []backend.Prompt) (backend.EmbedResult, error) {
	ctx, done := c.bound(ctx)
	defer done()
	m := c.lease.Value()
	out, err := m.strict.Embed(ctx, backend.EmbedRequest{Model: m.id, Inputs: inputs, Normalize: true})
	return out, c.failure(ctx, err)
}

// Score returns the log-probabilities of the request's tokens, each after those before it. The
// request's Model is the call's.
func (c *Call) Score(ctx context.Context, req backend.ScoreRequest) ([]backend.TokenLogprob, error) {
	ctx, done := c.bound(ctx)
	defer done()
	m := c.lease.Value()
	req.Model = m.id
	out, err := m.strict.Score(ctx, req)
	return out.Tokens, c.failure(ctx, err)
}
