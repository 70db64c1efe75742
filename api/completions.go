package api

import (
	"context"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/router"
)

// completions is POST /v1/completions.
func (s *Server) completions(x *exchange) error {
	req, err := openai.ReadCompletion(x.http.PostBody())
	if err != nil {
		return err
	}
	req.RequestID = x.id
	g := generation{
		model: req.Model, prefix: "cmpl-",
		run: func(ctx context.Context, call *router.Call, emit func(router.Piece) error) error {
			return call.Complete(ctx, req.CompletionRequest, emit)
		},
	}
	n := max(req.N, 1)
	g.deliver(openai.Completion, req.Delivery, openai.ChunkOptions{Logprobs: req.Logprobs, Choices: n * len(req.Prompts), PerPrompt: n})
	return s.generate(x, g)
}
