package api

import (
	"context"
	"fmt"

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
		model: req.Model, prefix: "cmpl-", from: req.From,
		beginning: func() string {
			p := req.Prompts[0]
			if p.Tokens != nil {
				return fmt.Sprint(p.Tokens[:min(len(p.Tokens), beginningBytes/4)])
			}
			return p.Text[:min(len(p.Text), beginningBytes)]
		},
		run: completing(&req.CompletionRequest), params: req.Params,
		single: req.N <= 1 && req.BestOf <= 1 && len(req.Prompts) == 1 && !req.Echo,
		again: func(body []byte, noCache bool) (answering, error) {
			req, err := openai.ReadCompletion(body)
			if err != nil {
				return nil, err
			}
			req.NoCache = req.NoCache || noCache
			return completing(&req.CompletionRequest), nil
		},
	}
	n := max(req.N, 1)
	g.deliver(openai.Completion, req.Delivery, openai.ChunkOptions{Logprobs: req.Logprobs, Choices: n * len(req.Prompts), PerPrompt: n})
	return s.generate(x, g)
}

// completing answers a completion.
func completing(r *router.CompletionRequest) answering {
	return func(ctx context.Context, call *router.Call, emit func(router.Piece) error) error {
		return call.Complete(ctx, *r, emit)
	}
}
