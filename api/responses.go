package api

import (
	"context"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/router"
)

const pathResponses = "/v1/responses"

// responses is POST /v1/responses. Nothing is kept: a conversation comes whole each time.
func (s *Server) responses(x *exchange) error {
	req, err := openai.ReadResponses(x.http.PostBody())
	if err != nil {
		return err
	}
	req.RequestID = x.id
	g := generation{
		model: req.Model, prefix: "resp_",
		run: func(ctx context.Context, call *router.Call, emit func(router.Piece) error) error {
			return call.Chat(ctx, req.ChatRequest.ChatRequest, emit)
		},
	}
	if req.Stream {
		g.stream = func(h openai.Head) writer { return openai.NewResponses(h, req.Echoed) }
	} else {
		g.whole = func(h openai.Head) gatherer { return openai.NewResponses(h, req.Echoed) }
	}
	return s.generate(x, g)
}
