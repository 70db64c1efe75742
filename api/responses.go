package api

import "github.com/kakeyad/kakeyad/api/openai"

const pathResponses = "/v1/responses"

// responses is POST /v1/responses. Nothing is kept: a conversation comes whole each time.
func (s *Server) responses(x *exchange) error {
	req, err := openai.ReadResponses(x.http.PostBody())
	if err != nil {
		return err
	}
	req.RequestID = x.id
	g := ofChat("resp_", &req.ChatRequest, func(body []byte) (*openai.ChatRequest, error) {
		req, err := openai.ReadResponses(body)
		if err != nil {
			return nil, err
		}
		return &req.ChatRequest, nil
	})
	if req.Stream {
		g.stream = func(h openai.Head) writer { return openai.NewResponses(h, req.Echoed) }
	} else {
		g.whole = func(h openai.Head) gatherer { return openai.NewResponses(h, req.Echoed) }
	}
	return s.generate(x, g)
}
