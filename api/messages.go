package api

import (
	"fmt"

	"github.com/kakeyad/kakeyad/api/openai"
)

const (
	pathMessages    = "/v1/messages"
	pathCountTokens = "/v1/messages/count_tokens"
)

// messages is POST /v1/messages, Anthropic's API.
func (s *Server) messages(x *exchange) error {
	req, err := openai.ReadMessages(x.http.PostBody(), false)
	if err != nil {
		return err
	}
	req.RequestID = x.id
	g := ofChat("msg_", req, func(body []byte) (*openai.ChatRequest, error) { return openai.ReadMessages(body, false) })
	if req.Stream {
		g.stream = func(h openai.Head) writer { return openai.NewMessages(h, req.Stop) }
	} else {
		g.whole = func(h openai.Head) gatherer { return openai.NewMessages(h, req.Stop) }
	}
	return s.generate(x, g)
}

// countTokens is POST /v1/messages/count_tokens.
func (s *Server) countTokens(x *exchange) error {
	req, err := openai.ReadMessages(x.http.PostBody(), true)
	if err != nil {
		return err
	}
	call, ctx, release, err := s.open(x, req.Model)
	if err != nil {
		return err
	}
	defer release()
	prompt, err := call.Prompt(ctx, req.ChatRequest)
	if err != nil {
		return causeOr(ctx, err)
	}
	if prompt.Tokens == nil {
		if prompt.Tokens, err = call.Tokenize(ctx, prompt.Text, prompt.AddSpecial, prompt.ParseSpecial); err != nil {
			return causeOr(ctx, err)
		}
	}
	writeJSON(x.http, fmt.Appendf(nil, `{"input_tokens":%d}`, len(prompt.Tokens)))
	return nil
}
