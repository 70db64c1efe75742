package api

import (
	"bytes"
	"errors"
	"time"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/experiment"
	"github.com/kakeyad/kakeyad/core/experiment/shadow"
	"github.com/kakeyad/kakeyad/core/router"
)

// Headers that say which of two channels answered, and under which name they are two.
const (
	headerExperiment = "X-Kakeya-Experiment"
	headerArm        = "X-Kakeya-Arm"
)

// trial is a request's part in an experiment. A nil trial is that of a request to one channel.
type trial struct {
	server     *Server
	definition experiment.Definition
	seen       experiment.Observation
	began      time.Time
	answer     shadow.Answer
	answers    int         // that have ended
	once       *shadow.Job // for B to answer unseen; nil: it does not
}

// draw resolves the channel of a request and, where it is two, draws the one that answers.
func (s *Server) draw(x *exchange, g *generation) (*channel.Channel, *trial, error) {
	c, err := s.router.Set().Resolve(g.model)
	if err != nil || c.AB == nil {
		return c, nil, err
	}
	d, _ := experiment.Of(c)
	t := &trial{server: s, definition: d, began: x.began}
	key := ""
	switch d.Sticky {
	case channel.StickySession:
		key = g.session(x.owner)
		t.seen.Unit = key
	case channel.StickyUser:
		if key = g.from.User; key == "" {
			key = x.owner.scope
		}
		if key == "" { // nobody is named: a conversation is the next best
			key = g.session(x.owner)
		}
		t.seen.Unit = key
	case channel.StickyRequest:
		key = randomHex(16)
	}
	if !d.Shadow {
		t.seen.Arm = experiment.Assign(d.Name, key, d.Split)
	}
	h := &x.http.Response.Header
	h.Set(headerExperiment, d.Name)
	h.Set(headerArm, t.seen.Arm.String())
	if t.seen.Arm == experiment.B {
		return c.AB.B, t, nil
	}
	if d.Shadow && s.options.Shadow != nil && g.single {
		t.once = s.unseen(x, g, d, c.AB)
	}
	return c.AB.A, t, nil
}

// unseen is the request for B to answer; nil where it cannot be read anew.
func (s *Server) unseen(x *exchange, g *generation, d experiment.Definition, ab *channel.AB) *shadow.Job {
	body := bytes.Clone(x.http.PostBody()) // what was read of the request may point into the connection's buffer
	run, err := g.again(body, ab.A.LoadKey() == ab.B.LoadKey())
	if err != nil {
		return nil
	}
	j := &shadow.Job{Definition: d, Channel: ab.B, Bytes: len(body), Run: run}
	if s.options.ScopeByKey {
		j.Scope = x.owner.scope
	}
	greedy := func(c *channel.Channel) bool {
		if t := g.params.Temperature; t != nil {
			return *t == 0
		}
		return c.Sampling.Temperature == 0
	}
	j.Greedy = greedy(ab.A) && greedy(ab.B)
	return j
}

// beginningBytes is how much of a prompt that is no chat tells a conversation from another.
const beginningBytes = 256

// session names the conversation that a request is of: by the client's own name for it, else by whom it
// comes from and how it begins.
func (g *generation) session(o owner) string {
	if g.from.Conversation != "" {
		return "named\x00" + o.scope + "\x00" + g.from.User + "\x00" + g.from.Conversation
	}
	return "begins\x00" + o.scope + "\x00" + g.from.User + "\x00" + g.beginning()
}

// chatBeginning is what stays of a conversation as it goes on: all up to what the user said first.
func chatBeginning(r *openai.ChatRequest) func() string {
	return func() string {
		var text string
		for _, m := range r.Messages {
			text += m.Role + "\x00" + m.Content + "\x00"
			if m.Role == "user" {
				break
			}
		}
		return text
	}
}

// watch looks at the pieces of an answer as they pass.
func (t *trial) watch(emit func(router.Piece) error) func(router.Piece) error {
	if t == nil {
		return emit
	}
	return func(p router.Piece) error {
		if len(p.Tokens) > 0 && t.seen.FirstToken == 0 {
			t.seen.FirstToken = time.Since(t.began)
		}
		if p.Final != nil {
			t.answers++
			t.answer.Final = *p.Final
		}
		if t.once != nil {
			t.answer.Add(p)
		}
		return emit(p)
	}
}

// end records how the request ended, unless that was the client's mistake.
func (t *trial) end(err error) {
	if t == nil || t.server.options.Experiments == nil || errors.Is(err, router.ErrClosed) {
		return
	}
	if err != nil {
		switch status := toError(err, "").Status; {
		case status == statusClientGone:
			t.seen.Cancelled = true
		case status >= 500 || status == 429:
			t.seen.Failed = true
		default:
			return
		}
	}
	results := t.server.options.Experiments
	if t.definition.Shadow {
		results.Answered(t.definition, t.seen)
		switch {
		case err == nil && t.once != nil:
			t.once.A = t.answer
			t.server.options.Shadow.Submit(*t.once)
		case err == nil:
			results.Lose(t.definition, experiment.Skipped)
		}
		return
	}
	if err == nil && t.answers == 1 {
		t.seen.Rate = shadow.Rate(&t.answer.Final)
	}
	results.Record(t.definition, t.seen)
}
