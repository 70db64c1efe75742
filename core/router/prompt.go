package router

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/chat/answer"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Prompt renders a chat's messages. A template that writes the bos token itself gets no second
// one from the tokenizer. Control tokens are the template's to write: their text in a message is
// just text, for which the prompt comes as tokens.
func (c *Call) Prompt(ctx context.Context, req ChatRequest) (backend.Prompt, error) {
	t, err := c.template()
	if err != nil {
		return backend.Prompt{}, err
	}
	segments, addSpecial, err := c.render(t, req, req.Choice.Among(req.Tools))
	if err != nil {
		return backend.Prompt{}, err
	}
	return c.promptOf(ctx, segments, addSpecial)
}

// PromptText is the prompt as text.
func (c *Call) PromptText(req ChatRequest) (string, error) {
	t, err := c.template()
	if err != nil {
		return "", err
	}
	segments, _, err := c.render(t, req, req.Choice.Among(req.Tools))
	var text strings.Builder
	for _, s := range segments {
		text.WriteString(s.Text)
	}
	return text.String(), err
}

func (c *Call) template() (*compiled, error) {
	t, err := c.lease.Value().template(c.channel.ChatTemplate)
	if errors.Is(err, chat.ErrTemplate) {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	return t, err
}

// render returns at least one segment, and whether the tokenizer is to add bos and the like.
func (c *Call) render(t *compiled, req ChatRequest, tools []answer.Tool) (segments []chat.Segment, addSpecial bool, err error) {
	m := c.lease.Value()
	messages, raw := t.dialect.Explain(withSystem(req.Messages, c.channel.SystemPrompt), tools, t.able)
	segments, err = t.template.RenderGuarded(chat.Input{
		Messages:            messages,
		Tools:               raw,
		AddGenerationPrompt: true,
		Extra:               req.Template,
	}, m.guard)
	switch {
	case errors.Is(err, chat.ErrRefused):
		return nil, false, &FieldError{Field: "messages", Reason: err.Error()}
	case err != nil:
		return nil, false, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	bos := m.info.Text["bos"]
	return segments, bos == "" || !strings.HasPrefix(segments[0].Text, bos), nil
}

// promptOf joins segments, as text if they may be tokenized as one.
func (c *Call) promptOf(ctx context.Context, segments []chat.Segment, addSpecial bool) (backend.Prompt, error) {
	var text strings.Builder
	literal := false
	for _, s := range segments {
		text.WriteString(s.Text)
		literal = literal || s.Literal
	}
	if !literal {
		return backend.Prompt{Text: text.String(), AddSpecial: addSpecial, ParseSpecial: true}, nil
	}
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
