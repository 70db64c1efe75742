package api

import (
	"context"
	"strings"
	"time"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// generation is what the endpoints that generate text differ in.
type generation struct {
	kind     openai.Kind
	model    string
	delivery openai.Delivery
	logprobs bool
	run      func(ctx context.Context, call *router.Call, emit func(backend.Event) error) error
}

// generate answers a request with generated text, streamed or not.
func (s *Server) generate(x *exchange, g generation) error {
	x.model = g.model
	ctx, cancel := context.WithCancelCause(s.ctx)
	unwatch := watch(x.http.Conn(), func() { cancel(errClientGone) })
	call, err := s.router.Open(ctx, g.model)
	if err != nil {
		err = causeOr(ctx, err)
		unwatch()
		cancel(nil)
		return err
	}
	run := func(ctx context.Context, emit func(backend.Event) error) error { return g.run(ctx, call, emit) }
	release := func() {
		call.Close()
		unwatch()
		cancel(nil)
	}
	head := openai.Head{
		ID: idPrefix(g.kind) + randomHex(12), Created: time.Now().Unix(),
		Model: call.Channel().Name, Fingerprint: fingerprint(call.Channel()),
	}
	if g.delivery.Stream {
		return s.stream(x, g, head, startPump(ctx, cancel, run), release)
	}
	defer release()
	var answer openai.Answer
	if err := run(ctx, answer.Add); err != nil {
		return causeOr(ctx, err)
	}
	x.final = answer.Final()
	writeJSON(x.http, answer.Append(nil, g.kind, head, g.logprobs))
	return nil
}

// causeOr returns why the request was ended, if it was, else err.
func causeOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func idPrefix(kind openai.Kind) string {
	if kind == openai.Chat {
		return "chatcmpl-"
	}
	return "cmpl-"
}

// fingerprint changes when what answers changes: the model file, its options or its plugins.
func fingerprint(c *channel.Channel) string {
	key := c.LoadKey()
	return "fp_" + key[strings.LastIndexByte(key, '#')+1:]
}
