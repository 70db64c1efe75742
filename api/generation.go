package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// generation is what the endpoints that generate text differ in.
type generation struct {
	model  string
	prefix string // of the answer's id
	stream func(h openai.Head) writer
	whole  func(h openai.Head) gatherer // when stream is nil
	run    func(ctx context.Context, call *router.Call, emit func(router.Piece) error) error
}

// writer writes the events of a stream. What a method returns is written at once, unless it is
// empty, and is valid until the next call.
type writer interface {
	Begin() []byte
	Piece(p *router.Piece) []byte
	Finish() []byte
	Error(e *openai.Error) []byte
	Final() *backend.Final // of all answers that have ended
}

// gatherer puts an answer together.
type gatherer interface {
	Add(p router.Piece) error
	Body() []byte
	Final() *backend.Final
}

// generate answers a request with generated text, streamed or not.
func (s *Server) generate(x *exchange, g generation) error {
	call, ctx, release, err := s.open(x, g.model)
	if err != nil {
		return err
	}
	run := func(ctx context.Context, emit func(router.Piece) error) error {
		return g.run(ctx, call, x.metered(s.metrics, call.Channel().Name, emit))
	}
	head := openai.Head{
		ID: g.prefix + randomHex(12), Created: time.Now().Unix(),
		Model: call.Channel().Name, Fingerprint: fingerprint(call.Channel()),
	}
	s.running.name(x, head.ID)
	if g.stream != nil {
		return s.stream(x, g.stream(head), startPump(ctx, x.cancel, run), release)
	}
	defer release()
	answer := g.whole(head)
	if err := run(ctx, answer.Add); err != nil {
		return causeOr(ctx, err)
	}
	x.final = answer.Final()
	writeJSON(x.http, answer.Body())
	return nil
}

// open opens a call that ends when the client goes away, or somebody cancels it. The caller calls
// release when it is over.
func (s *Server) open(x *exchange, model string) (call *router.Call, ctx context.Context, release func(), err error) {
	x.model, x.asked = model, model
	ctx, x.cancel = context.WithCancelCause(s.ctx)
	unwatch := s.watch.over(x.http.Conn(), func() { x.cancel(errClientGone) })
	forget := s.running.add(x)
	timer := s.bound(x)
	end := func() {
		timer()
		forget()
		unwatch()
		x.cancel(nil)
	}
	leave, err := s.admission.enter(ctx, x.owner.name)
	if err != nil {
		err = causeOr(ctx, err)
		end()
		return nil, nil, nil, err
	}
	if call, err = s.router.Open(ctx, model); err != nil {
		err = causeOr(ctx, err)
		leave()
		end()
		return nil, nil, nil, err
	}
	if s.options.ScopeByKey {
		call.KeepTo(x.owner.scope)
	}
	x.model = call.Channel().Name
	return call, ctx, func() {
		call.Close()
		leave()
		end()
	}, nil
}

// bound ends a request that takes too long.
func (s *Server) bound(x *exchange) (stop func()) {
	limit := s.options.Timeout
	if limit <= 0 {
		return func() {}
	}
	timer := time.AfterFunc(limit, func() { x.cancel(fmt.Errorf("%w: the server's limit is %v", router.ErrTimeout, limit)) })
	return func() { timer.Stop() }
}

// causeOr returns why the request was ended, if it was, else err.
func causeOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// fingerprint changes when what answers changes: the model file, its options or its plugins.
func fingerprint(c *channel.Channel) string {
	key := c.LoadKey()
	return "fp_" + key[strings.LastIndexByte(key, '#')+1:]
}
