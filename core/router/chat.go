package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/chat/answer"
	"github.com/kakeyad/kakeyad/core/decode/grammar"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// ChatRequest is the input of Chat.
type ChatRequest struct {
	Params
	Messages []chat.Message
	Tools    []answer.Tool
	Choice   answer.Choice
	Template map[string]any // further variables of the template, JSON values
	Whole    bool           // thoughts are left in the text
}

// Chat renders the messages with the model's chat template and generates the assistant's answers.
func (c *Call) Chat(ctx context.Context, req ChatRequest, emit func(Piece) error) error {
	p, err := c.plan(ctx, req)
	if err != nil {
		return err
	}
	from, err := c.restore(ctx, &p.request)
	if err != nil {
		return err
	}
	return several(ctx, max(req.N, 1), emit, func(ctx context.Context, i int, emit func(Piece) error) error {
		return p.run(ctx, c, seeded(p.request, i), from, emit)
	})
}

// plan is how a chat is to be answered.
type plan struct {
	request backend.GenerateRequest
	dialect *answer.Dialect
	tools   []answer.Tool
	forced  bool // the answer is calls
	thinks  bool // thoughts are told apart
	begun   bool // the prompt opens them
}

func (c *Call) plan(ctx context.Context, req ChatRequest) (*plan, error) {
	t, err := c.template()
	if err != nil {
		return nil, err
	}
	p := &plan{dialect: t.dialect, tools: req.Choice.Among(req.Tools), thinks: t.thinks && !req.Whole}
	if req.Choice.Mode == answer.Required {
		if len(p.tools) == 0 {
			return nil, &FieldError{Field: "tool_choice", Reason: fmt.Sprintf("no function %q is among the tools", req.Choice.Name)}
		}
		p.forced = true
	}
	segments, addSpecial, err := c.render(t, req, p.tools)
	if err != nil {
		return nil, err
	}
	end := segments[len(segments)-1].Text
	begun := t.thinks && answer.Begun(end)
	p.begun = begun && p.thinks
	if p.forced && p.dialect.Prefill != "" {
		segments = append(segments, chat.Segment{Text: p.dialect.Prefill})
	}
	p.request = c.request(req.Params)
	if p.request.Prompt, err = c.promptOf(ctx, segments, addSpecial); err != nil {
		return nil, err
	}
	if len(p.tools) > 0 && p.dialect.KeepSpecial {
		p.keepSpecial(c.Model())
	}
	thinking := answer.NoThoughts
	switch {
	case begun:
		thinking = answer.BegunToThink
	case t.thinks && p.forced && !strings.HasSuffix(strings.TrimSpace(end), "</think>"):
		thinking = answer.MayThink
	}
	p.request.Constraint, err = p.constraint(req, thinking)
	return p, err
}

// keepSpecial lets the text of control tokens through, but for those that end the answer.
func (p *plan) keepSpecial(m backend.ModelInfo) {
	p.request.KeepSpecial = true
	p.request.Stop = slices.Clone(p.request.Stop)
	for _, name := range []string{"eos", "eot", "eom"} {
		if text := m.Text[name]; text != "" {
			p.request.Stop = append(p.request.Stop, text)
		}
	}
}

// constraint is what binds the answer: the grammar of calls that must be made, the request's own
// constraint, or either when the model may do both.
func (p *plan) constraint(req ChatRequest, thinking answer.Thinking) (backend.Constraint, error) {
	own := req.Constraint
	switch {
	case p.forced && own != backend.Constraint{}:
		return own, &FieldError{Field: "tool_choice", Reason: "a call that must be made and a format of the answer exclude each other"}
	case p.forced:
		gbnf, err := p.dialect.Grammar(p.tools, req.Choice.Single || req.Choice.Name != "", thinking)
		return backend.Constraint{Grammar: gbnf}, onField("tools", err)
	case own == backend.Constraint{}, len(p.tools) == 0 && thinking == answer.NoThoughts:
		return own, nil
	}
	gbnf := own.Grammar
	if gbnf == "" {
		var err error
		if gbnf, err = grammar.FromJSONSchema(own.JSONSchema); err != nil {
			return own, onField("response_format", err)
		}
	}
	if len(p.tools) > 0 {
		calls, err := p.dialect.Grammar(p.tools, req.Choice.Single, answer.NoThoughts)
		if err != nil {
			return own, onField("tools", err)
		}
		gbnf = answer.Either(gbnf, calls)
	}
	return backend.Constraint{Grammar: answer.WithThoughts(gbnf, thinking)}, nil
}

// onField says which field of the request an error is about.
func onField(field string, err error) error {
	if !errors.Is(err, base.ErrInvalid) {
		return err
	}
	return &FieldError{Field: field, Reason: err.Error()}
}

// run generates one answer and takes it apart.
func (p *plan) run(ctx context.Context, c *Call, g backend.GenerateRequest, from restored, emit func(Piece) error) error {
	r := p.dialect.NewReader(p.tools, p.thinks, p.begun)
	if p.forced {
		r.Push(p.dialect.Prefill)
	}
	return c.generate(ctx, g, from, func(e backend.Event) error {
		piece := Piece{Event: e}
		piece.Text = ""
		piece.take(r.Push(e.Text))
		if e.Final != nil {
			piece.take(r.End())
			if final := *e.Final; r.Calls() > 0 && final.Reason == backend.FinishStop {
				final.Reason = FinishCalls
				piece.Final = &final
			}
		}
		return emit(piece)
	})
}

func (p *Piece) take(parts []answer.Part) {
	for _, part := range parts {
		p.Text += part.Text
		p.Thought += part.Thought
		if part.Call != nil {
			p.Calls = append(p.Calls, *part.Call)
		}
	}
}
