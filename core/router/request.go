package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Params are what chats and completions have in common. What is nil or zero is the channel's.
type Params struct {
	RequestID string

	Temperature      *float32
	TopK             *int
	TopP             *float32
	MinP             *float32
	TypicalP         *float32
	RepeatPenalty    *float32
	FrequencyPenalty *float32
	PresencePenalty  *float32
	PenaltyLastN     *int
	Seed             *uint64
	LogitBias        map[backend.Token]float32
	IgnoreEOS        *bool

	MaxTokens   *int
	Stop        []string
	Logprobs    bool
	TopLogprobs int
	Constraint  backend.Constraint
	NoCache     bool
}

// ChatRequest is the input of Chat.
type ChatRequest struct {
	Params
	Messages []chat.Message
	Tools    []json.RawMessage // OpenAI tool objects, for the template
	Template map[string]any    // further variables of the template, JSON values
}

// CompletionRequest is the input of Complete: text or tokens.
type CompletionRequest struct {
	Params
	Text   string
	Tokens []backend.Token
}

// Chat renders the messages with the model's chat template and generates the assistant's answer.
// Events reach emit as backend.Backend.Generate says.
func (c *Call) Chat(ctx context.Context, req ChatRequest, emit func(backend.Event) error) error {
	prompt, err := c.Prompt(ctx, req)
	if err != nil {
		return err
	}
	g := c.request(req.Params)
	g.Prompt = prompt
	return c.generate(ctx, g, emit)
}

// Complete continues a text.
func (c *Call) Complete(ctx context.Context, req CompletionRequest, emit func(backend.Event) error) error {
	g := c.request(req.Params)
	g.Prompt = backend.Prompt{Tokens: req.Tokens}
	if req.Tokens == nil {
		g.Prompt = backend.Prompt{Text: req.Text, AddSpecial: true, ParseSpecial: true}
	}
	return c.generate(ctx, g, emit)
}

// Prompt renders a chat's messages. A template that writes the bos token itself gets no second
// one from the tokenizer. Control tokens are the template's to write: their text in a message is
// just text, for which the prompt comes as tokens.
func (c *Call) Prompt(ctx context.Context, req ChatRequest) (backend.Prompt, error) {
	m := c.lease.Value()
	template, err := m.template(c.channel.ChatTemplate)
	if errors.Is(err, chat.ErrTemplate) {
		return backend.Prompt{}, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	if err != nil {
		return backend.Prompt{}, err
	}
	segments, err := template.RenderGuarded(chat.Input{
		Messages:            withSystem(req.Messages, c.channel.SystemPrompt),
		Tools:               req.Tools,
		AddGenerationPrompt: true,
		Extra:               req.Template,
	}, m.guard)
	switch {
	case errors.Is(err, chat.ErrRefused):
		return backend.Prompt{}, &FieldError{Field: "messages", Reason: err.Error()}
	case err != nil:
		return backend.Prompt{}, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	bos := m.info.Text["bos"]
	addSpecial := bos == "" || !strings.HasPrefix(segments[0].Text, bos)
	if len(segments) == 1 && !segments[0].Literal {
		return backend.Prompt{Text: segments[0].Text, AddSpecial: addSpecial, ParseSpecial: true}, nil
	}
	return c.tokenized(ctx, segments, addSpecial)
}

// tokenized makes a prompt of segments that cannot be tokenized as one text.
func (c *Call) tokenized(ctx context.Context, segments []chat.Segment, addSpecial bool) (backend.Prompt, error) {
	var p backend.Prompt
	for i, s := range segments {
		tokens, err := c.Tokenize(ctx, s.Text, addSpecial && i == 0, !s.Literal)
		if err != nil {
			return p, err
		}
		p.Tokens = append(p.Tokens, tokens...)
	}
	return p, nil
}

// withSystem puts the channel's system prompt before messages that have none.
func withSystem(messages []chat.Message, prompt string) []chat.Message {
	if prompt == "" || len(messages) > 0 && messages[0].Role == "system" {
		return messages
	}
	return append([]chat.Message{{Role: "system", Content: prompt}}, messages...)
}

// request lays the request's params over the channel's.
func (c *Call) request(p Params) backend.GenerateRequest {
	return backend.GenerateRequest{
		RequestID:   p.RequestID,
		Sampling:    p.over(c.channel.Sampling),
		Stop:        p.Stop,
		MaxTokens:   p.maxTokens(c.channel.Limits.MaxTokens),
		Logprobs:    p.Logprobs,
		TopLogprobs: p.TopLogprobs,
		Constraint:  p.Constraint,
		NoCache:     p.NoCache,
	}
}

// maxTokens is what the request asks for, within the channel's limit.
func (p *Params) maxTokens(limit int) int {
	switch {
	case p.MaxTokens == nil:
		return limit
	case limit > 0:
		return min(*p.MaxTokens, limit)
	}
	return *p.MaxTokens
}

// over returns the sampling s with what the request says in its place.
func (p *Params) over(s backend.Sampling) backend.Sampling {
	set(&s.Temperature, p.Temperature)
	set(&s.TopK, p.TopK)
	set(&s.TopP, p.TopP)
	set(&s.MinP, p.MinP)
	set(&s.TypicalP, p.TypicalP)
	set(&s.RepeatPenalty, p.RepeatPenalty)
	set(&s.FrequencyPenalty, p.FrequencyPenalty)
	set(&s.PresencePenalty, p.PresencePenalty)
	set(&s.PenaltyLastN, p.PenaltyLastN)
	set(&s.Seed, p.Seed)
	set(&s.IgnoreEOS, p.IgnoreEOS)
	if len(p.LogitBias) > 0 {
		merged := maps.Clone(s.LogitBias)
		if merged == nil {
			merged = make(map[backend.Token]float32, len(p.LogitBias))
		}
		maps.Copy(merged, p.LogitBias)
		s.LogitBias = merged
	}
	return s
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
