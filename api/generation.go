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
	from   openai.Sender
	stream func(h openai.Head) writer
	whole  func(h openai.Head) gatherer // when stream is nil
	run    answering

	params    router.Params
	single    bool                                               // it asks for one answer to one prompt
	beginning func() string                                      // text that tells the conversation from another, and stays as it goes on
	again     func(body []byte, noCache bool) (answering, error) // reads the request anew, to be answered later
}

// answering answers a request.
type answering func(ctx context.Context, call *router.Call, emit func(router.Piece) error) error

// chatting answers a chat.
func chatting(r *router.ChatRequest) answering {
	return func(ctx context.Context, call *router.Call, emit func(router.Piece) error) error {
		return call.Chat(ctx, *r, emit)
	}
}

// ofChat is the generation of a chat that read reads.
func ofChat(prefix string, r *openai.ChatRequest, read func(body []byte) (*openai.ChatRequest, error)) generation {
	return generation{
		model: r.Model, prefix: prefix, from: r.From, params: r.Params, single: r.N <= 1,
		run: chatting(&r.ChatRequest), beginning: chatBeginning(r),
		again: func(body []byte, noCache bool) (answering, error) {
			r, err := read(body)
			if err != nil {
				return nil, err
			}
			r.NoCache = r.NoCache || noCache
			return chatting(&r.ChatRequest), nil
		},
	}
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
	var trial *trial
	call, ctx, release, err := s.openOne(x, g.model, func() (c *channel.Channel, err error) {
		c, trial, err = s.draw(x, &g)
		return c, err
	})
	if err != nil {
		trial.end(err)
		return err
	}
	run := func(ctx context.Context, emit func(router.Piece) error) error {
		err := g.run(ctx, call, trial.watch(x.metered(s.metrics, call.Channel().Name, emit)))
		if err != nil {
			trial.end(causeOr(ctx, err))
			return err
		}
		trial.end(nil)
		return nil
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

// open opens a call of a channel, or of the first of two: what generates nothing is no matter of drawing.
func (s *Server) open(x *exchange, model string) (call *router.Call, ctx context.Context, release func(), err error) {
	return s.openOne(x, model, func() (*channel.Channel, error) {
		c, err := s.router.Set().Resolve(model)
		if err != nil {
			return nil, err
		}
		return c.First(), nil
	})
}

// openOne opens a call of the channel that one returns, which ends when the client goes away, or somebody
// cancels it. The caller calls release when it is over.
func (s *Server) openOne(x *exchange, model string, one func() (*channel.Channel, error)) (call *router.Call, ctx context.Context, release func(), err error) {
	x.model, x.asked = model, model
	ctx, leave, err := s.enter(x, s.options.Timeout)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := one()
	if err == nil {
		call, err = s.router.OpenChannel(ctx, c)
	}
	if err != nil {
		err = causeOr(ctx, err)
		leave()
		return nil, nil, nil, err
	}
	if s.options.ScopeByKey {
		call.KeepTo(x.owner.scope)
	}
	x.model = call.Channel().Name
	return call, ctx, func() {
		call.Close()
		leave()
	}, nil
}

// enter lets a request in to its owner's share, and makes its context, which ends when the client goes away,
// somebody cancels it, or it takes longer than the limit, if there is one. The caller calls leave when it is over.
func (s *Server) enter(x *exchange, limit time.Duration) (ctx context.Context, leave func(), err error) {
	ctx, x.cancel = context.WithCancelCause(s.ctx)
	unwatch := s.watch.over(x.http.Conn(), func() { x.cancel(errClientGone) })
	forget := s.running.add(x)
	unbind := x.bound(limit)
	end := func() {
		unbind()
		forget()
		unwatch()
		x.cancel(nil)
	}
	admitted, err := s.admission.enter(ctx, x.owner.name)
	if err != nil {
		err = causeOr(ctx, err)
		end()
		return nil, nil, err
	}
	return ctx, func() { admitted(); end() }, nil
}

// bound ends a request that takes longer than the limit, if there is one.
func (x *exchange) bound(limit time.Duration) (stop func()) {
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
