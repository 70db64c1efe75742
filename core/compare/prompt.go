package compare

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kakeyad/kakeyad/core/draftbench"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Prompt is a chat that channels answer.
type Prompt struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind,omitempty"`
	Messages []Message `json:"messages"`
}

// Message is one of a chat.
type Message struct {
	Role    string `json:"role" jsonschema:"enum=system,enum=user,enum=assistant"`
	Content string `json:"content"`
}

// TextPrompt is a prompt of one message.
func TextPrompt(name, text string) Prompt {
	return Prompt{Name: name, Messages: []Message{{Role: "user", Content: text}}}
}

// BuiltIn are n prompts of each kind: chat, summarising, editing code, structured output.
func BuiltIn(n int) ([]Prompt, error) {
	if n < 1 || n > draftbench.PerKind {
		return nil, fmt.Errorf("%w: there are 1 to %d built-in prompts of each kind, not %d", base.ErrInvalid, draftbench.PerKind, n)
	}
	var out []Prompt
	for _, k := range draftbench.Kinds {
		for i := range n {
			p := TextPrompt(fmt.Sprintf("%s %d", k, i+1), draftbench.Prompt(k, i))
			p.Kind = string(k)
			out = append(out, p)
		}
	}
	return out, nil
}

// maxLine is the longest line of a file of prompts, in bytes.
const maxLine = 1 << 20

// ReadPrompts reads JSON lines. A line is a text, or an object with "prompt" (a text) or "messages",
// and "name" and "kind" if it likes; empty lines are skipped. Errors name the line.
func ReadPrompts(in io.Reader) ([]Prompt, error) {
	var out []Prompt
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		p, err := readPrompt(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w: %w", n, base.ErrInvalid, err)
		}
		if p.Name == "" {
			p.Name = fmt.Sprintf("prompt %d", len(out)+1)
		}
		out = append(out, p)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("line %d: %w: longer than %d bytes", n+1, base.ErrInvalid, maxLine)
	}
	if lines.Err() != nil {
		return nil, lines.Err()
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no prompt is in it; write one JSON object a line, such as {\"prompt\": \"Why is the sky blue?\"}", base.ErrInvalid)
	}
	return out, nil
}

func readPrompt(line []byte) (p Prompt, err error) {
	if line[0] == '"' {
		var text string
		if err := json.Unmarshal(line, &text); err != nil {
			return p, err
		}
		p = TextPrompt("", text)
		return p, p.Check()
	}
	var v struct {
		Prompt
		Text string `json:"prompt"`
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return p, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return p, errors.New("more than one value")
	}
	switch {
	case v.Text != "" && v.Messages != nil:
		return p, errors.New(`it has both "prompt" and "messages"`)
	case v.Text != "":
		v.Messages = TextPrompt("", v.Text).Messages
	}
	return v.Prompt, v.Check()
}

// Check says what is wrong with a prompt.
func (p *Prompt) Check() error {
	if len(p.Messages) == 0 {
		return errors.New(`a prompt needs "prompt" or "messages"`)
	}
	for _, m := range p.Messages {
		switch {
		case m.Role != "system" && m.Role != "user" && m.Role != "assistant":
			return fmt.Errorf("a message's role is system, user or assistant, not %q", m.Role)
		case strings.TrimSpace(m.Content) == "":
			return errors.New("a message is empty")
		}
	}
	return nil
}
