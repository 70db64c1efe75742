package api

import (
	"context"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// chat is POST /v1/chat/completions.
func (s *Server) chat(x *exchange) error {
	req, err := openai.ReadChat(x.http.PostBody())
	if err != nil {
		return err
	}
	req.RequestID = x.id
	return s.generate(x, generation{
		kind: openai.Chat, model: req.Model, delivery: req.Delivery, logprobs: req.Logprobs,
		run: func(ctx context.Context, call *router.Call, emit func(backend.Event) error) error {
			return call.Chat(ctx, req.ChatRequest, emit)
		},
	})
}
