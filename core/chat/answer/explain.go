package answer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kakeyad/kakeyad/core/chat"
)

// Abilities are what a chat template shows a model.
type Abilities struct {
	Tools bool // the functions that it may call
	Calls bool // calls that it made, and their results
}

const probe = "kakeya_probe"

// AbilitiesOf tries a template out.
func AbilitiesOf(t *chat.Template) Abilities {
	user := chat.Message{Role: "user", Content: "hello"}
	shown := func(messages []chat.Message, tools []json.RawMessage, marks ...string) bool {
		text, err := t.Render(chat.Input{Messages: messages, Tools: tools, AddGenerationPrompt: true})
		for _, m := range marks {
			if err != nil || !strings.Contains(text, m) {
				return false
			}
		}
		return true
	}
	tool := json.RawMessage(`{"type":"function","function":{"name":"` + probe + `","description":"x","parameters":{"type":"object","properties":{}}}}`)
	call := chat.Message{Role: "assistant", ToolCalls: []chat.ToolCall{{ID: "call00001", Name: probe + "_call", Arguments: `{"x":"` + probe + `_argument"}`}}}
	result := chat.Message{Role: "tool", Name: probe + "_call", ToolCallID: "call00001", Content: probe + "_result"}
	return Abilities{
		Tools: shown([]chat.Message{user}, []json.RawMessage{tool}, probe),
		Calls: shown([]chat.Message{user, call, result, user}, []json.RawMessage{tool}, probe+"_call", probe+"_argument", probe+"_result") ||
			shown([]chat.Message{user, call, result}, []json.RawMessage{tool}, probe+"_call", probe+"_argument", probe+"_result"),
	}
}

// Explain prepares a conversation for a template. What the template does not show of tools and
// calls is put into the system prompt and the messages as text.
func (d *Dialect) Explain(messages []chat.Message, tools []Tool, able Abilities) ([]chat.Message, []json.RawMessage) {
	if !able.Calls {
		messages = d.asText(messages)
	}
	if len(tools) == 0 {
		return messages, nil
	}
	if !able.Tools {
		return withSystem(messages, d.instructions(tools)), nil
	}
	raw := make([]json.RawMessage, len(tools))
	for i, t := range tools {
		raw[i] = t.Raw
	}
	return messages, raw
}

// instructions tell a model of its functions and how to call them.
func (d *Dialect) instructions(tools []Tool) string {
	var b strings.Builder
	b.WriteString("You can call functions. These are the functions, each with a JSON schema of its arguments:\n")
	for _, t := range tools {
		parameters := string(compact(t.Parameters))
		if parameters == "" {
			parameters = "{}"
		}
		fmt.Fprintf(&b, "- %s %s", t.Name, parameters)
		if t.Description != "" {
			b.WriteString(" " + t.Description)
		}
		b.WriteByte('\n')
	}
	b.WriteString("To call a function, answer with nothing but:\n" + d.example + "\nIts result is then told to you. When no function helps, answer in plain words.")
	return b.String()
}

func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return nil
	}
	return b.Bytes()
}

// asText writes calls as the model would have, and results as words of the user.
func (d *Dialect) asText(messages []chat.Message) []chat.Message {
	names := map[string]string{}
	out := make([]chat.Message, 0, len(messages))
	for _, m := range messages {
		for _, c := range m.ToolCalls {
			names[c.ID] = c.Name
		}
		switch {
		case len(m.ToolCalls) > 0:
			m.Content = strings.TrimLeft(m.Content+"\n"+d.written(m.ToolCalls), "\n")
			m.ToolCalls = nil
		case m.Role == "tool" || m.Role == "function":
			name := m.Name
			if name == "" {
				name = names[m.ToolCallID]
			}
			m = chat.Message{Role: "user", Content: strings.TrimSpace("Result of "+name) + ":\n" + m.Content}
			if last := len(out) - 1; last >= 0 && out[last].Role == "user" { // results of one turn are one message
				out[last].Content += "\n\n" + m.Content
				continue
			}
		}
		out = append(out, m)
	}
	return out
}

// written is calls in the form of the example.
func (d *Dialect) written(calls []chat.ToolCall) string {
	lines := make([]string, len(calls))
	for i, c := range calls {
		name := string(jsonText(c.Name))
		if !strings.Contains(d.example, `"name"`) {
			name = c.Name
		}
		lines[i] = strings.NewReplacer("NAME", name, "ARGUMENTS", c.Arguments).Replace(d.example)
	}
	return strings.Join(lines, "\n")
}

func withSystem(messages []chat.Message, text string) []chat.Message {
	if len(messages) > 0 && messages[0].Role == "system" {
		first := messages[0]
		first.Content += "\n\n" + text
		return append([]chat.Message{first}, messages[1:]...)
	}
	return append([]chat.Message{{Role: "system", Content: text}}, messages...)
}
