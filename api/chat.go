package api

import (
	"github.com/kakeyad/kakeyad/api/openai"
)

// chat is POST /v1/chat/completions.
func (s *Server) chat(x *exchange) error {
	req, err := openai.ReadChat(x.http.PostBody())
	if err != nil {
		return err
	}
	req.RequestID = x.id
	g := ofChat("chatcmpl-", req, openai.ReadChat)
	g.deliver(openai.Chat, req.Delivery, openai.ChunkOptions{Logprobs: req.Logprobs, Choices: max(req.N, 1), PerPrompt: max(req.N, 1)})
	return s.generate(x, g)
}

// deliver makes the answer one of OpenAI's.
func (g *generation) deliver(kind openai.Kind, d openai.Delivery, o openai.ChunkOptions) {
	if d.Stream {
		o.Usage = d.IncludeUsage
		g.stream = func(h openai.Head) writer { return openai.NewChunks(kind, h, o) }
		return
	}
	g.whole = func(h openai.Head) gatherer {
		return &openAIAnswer{Answer: openai.NewAnswer(o.PerPrompt), kind: kind, head: h, logprobs: o.Logprobs}
	}
}

// openAIAnswer is an answer as a gatherer.
type openAIAnswer struct {
	*openai.Answer
	kind     openai.Kind
	head     openai.Head
	logprobs bool
}

// Body implements gatherer.
func (a *openAIAnswer) Body() []byte { return a.Append(nil, a.kind, a.head, a.logprobs) }
