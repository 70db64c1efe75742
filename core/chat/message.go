// Package chat turns messages into a prompt with a model's own Jinja template.
package chat

import (
	"encoding/json"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// Message is one turn of a conversation, as a template sees it.
type Message struct {
	Role       string // "system", "user", "assistant", "tool", ...
	Content    string // text; parts of a content array are already joined
	Name       string
	Reasoning  string // what the assistant thought, apart from its answer
	ToolCallID string // with role "tool": the call that this answers
	ToolCalls  []ToolCall
}

// ToolCall is a function call that the assistant made.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string // a JSON object as text, as on the wire
}

// Input is what a template renders.
type Input struct {
	Messages            []Message
	Tools               []json.RawMessage // OpenAI tool objects; their key order reaches the template
	AddGenerationPrompt bool              // end with the opening of an assistant's turn
	Extra               map[string]any    // further variables (chat_template_kwargs): JSON values
}

// values returns the messages as a template's variables.
func values(messages []Message, g *Guard) list {
	out := make(list, len(messages))
	for i, m := range messages {
		out[i] = m.value(g)
	}
	return out
}

// value returns a message as a mapping. Keys that have nothing to say are absent, as templates
// ask "is defined" of them; content is always there.
func (m Message) value(g *Guard) map[string]any {
	v := map[string]any{"role": m.Role, "content": g.cover(m.Content)}
	if m.Name != "" {
		v["name"] = g.cover(m.Name)
	}
	if m.Reasoning != "" {
		v["reasoning_content"] = g.cover(m.Reasoning)
	}
	if m.ToolCallID != "" {
		v["tool_call_id"] = g.cover(m.ToolCallID)
	}
	if len(m.ToolCalls) > 0 {
		calls := make(list, len(m.ToolCalls))
		for i, c := range m.ToolCalls {
			calls[i] = g.coverValue(c.value())
		}
		v["tool_calls"] = calls
	}
	return v
}

// value returns a call as a mapping. Arguments that are JSON become a value, since templates
// write them with tojson; others stay text.
func (c ToolCall) value() *exec.Dict {
	var arguments any = c.Arguments
	if parsed, err := fromJSON([]byte(c.Arguments)); err == nil {
		arguments = parsed
	}
	v := object("type", "function", "function", object("name", c.Name, "arguments", arguments))
	if c.ID != "" {
		v.Pairs = append(v.Pairs, &exec.Pair{Key: exec.AsValue("id"), Value: exec.AsValue(c.ID)})
	}
	return v
}

// object makes a mapping that keeps the order of its keys.
func object(keysAndValues ...any) *exec.Dict {
	d := exec.NewDict()
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		d.Pairs = append(d.Pairs, &exec.Pair{Key: exec.AsValue(keysAndValues[i]), Value: exec.AsValue(keysAndValues[i+1])})
	}
	return d
}
