package api

import (
	"context"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// completions is POST /v1/completions.
func (s *Server) completions(x *exchange) error {
	req, err := openai.ReadCompletion(x.http.PostBody())
	if err != nil {
		return err
	}
	req.RequestID = x.id
	return s.generate(x, generation{
		kind: openai.Completion, model: req.Model, delivery: req.Delivery, logprobs: req.Logprobs,
		run: func(ctx context.Context, call *router.Call, emit func(backend.Event) error) error {
			return call.Complete(ctx, req.CompletionRequest, emit)
		},
	})
}
