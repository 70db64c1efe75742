package openai

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/chat/answer"
)

// ReadMessages reads the body of /v1/messages, Anthropic's API. counting: only its prompt is
// wanted. The error is an *Error.
func ReadMessages(body []byte, counting bool) (*ChatRequest, error) {
	d := &decoder{}
	o := d.body(body)
	if d.err != nil {
		return nil, d.err
	}
	r := &ChatRequest{Model: o.requiredText("model"), From: sender(o), Delivery: delivery(o)}
	r.Temperature, r.TopP = o.number("temperature", 0, 2), o.number("top_p", 0, 1)
	r.TopK = o.integer("top_k", 0, math.MaxInt32)
	if raw, ok := o.get("stop_sequences"); ok {
		r.Stop = nonEmpty(d, "stop_sequences", d.items("stop_sequences", raw), func(i int) string { return index("stop_sequences", i) })
	}
	if r.MaxTokens = o.integer("max_tokens", 1, math.MaxInt32); r.MaxTokens == nil && !counting {
		o.missing("max_tokens")
	}
	if raw, ok := o.get("system"); ok {
		r.Messages = append(r.Messages, chat.Message{Role: "system", Content: content(d, "system", raw)})
	}
	raw, ok := o.get("messages")
	if !ok {
		o.missing("messages")
		return nil, d.err
	}
	for i, item := range d.items("messages", raw) {
		r.Messages = append(r.Messages, blockMessages(d.object(index("messages", i), item))...)
		if d.err != nil {
			return nil, d.err
		}
	}
	r.Tools, r.Choice = messageTools(o)
	if cache := o.flag("cache_prompt"); cache != nil {
		r.NoCache = !*cache
	}
	if raw, ok := o.get("thinking"); ok {
		on := d.object("thinking", raw).requiredText("type") != "disabled"
		r.Template = map[string]any{"enable_thinking": on}
	}
	normalize(&r.Params)
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}

// blockMessages reads a message. The results of calls in it are messages of their own, before it.
func blockMessages(o object) []chat.Message {
	role := o.requiredText("role")
	if role != "user" && role != "assistant" && role != "system" {
		o.d.fail(invalid(o.at("role"), "expected \"user\" or \"assistant\", got %.64q", role))
		return nil
	}
	raw, ok := o.get("content")
	if !ok {
		o.missing("content")
		return nil
	}
	m := chat.Message{Role: role}
	if kindOf(raw) == "a string" {
		m.Content = o.d.text(o.at("content"), raw)
		return []chat.Message{m}
	}
	var out []chat.Message
	for i, item := range o.d.items(o.at("content"), raw) {
		part := o.d.object(index(o.at("content"), i), item)
		switch kind := part.requiredText("type"); kind {
		case "text":
			text, _ := part.text("text")
			m.Content += text
		case "thinking":
			m.Reasoning, _ = part.text("thinking")
		case "redacted_thinking":
		case "tool_use":
			input, _ := part.get("input")
			m.ToolCalls = append(m.ToolCalls, chat.ToolCall{ID: callID(part, "id"), Name: part.requiredText("name"), Arguments: string(input)})
		case "tool_result":
			result := chat.Message{Role: "tool", ToolCallID: callID(part, "tool_use_id")}
			if raw, ok := part.get("content"); ok {
				result.Content = content(o.d, part.at("content"), raw)
			}
			out = append(out, result)
		default:
			o.d.fail(unsupported(part.at("type"), "is not supported: %.64q", kind))
		}
		if o.d.err != nil {
			return nil
		}
	}
	if len(out) == 0 || m.Content != "" || len(m.ToolCalls) > 0 {
		out = append(out, m)
	}
	return out
}

// callID reads the name of a call, as templates know it.
func callID(o object, key string) string { return strings.TrimPrefix(o.requiredText(key), callPrefix) }

// messageTools reads tools and tool_choice.
func messageTools(o object) (tools []answer.Tool, c answer.Choice) {
	if raw, ok := o.get("tools"); ok {
		for i, item := range o.d.items("tools", raw) {
			tool := o.d.object(index("tools", i), item)
			tools = append(tools, flatTool(tool, "input_schema", tools))
			if o.d.err != nil {
				return nil, c
			}
		}
	}
	raw, ok := o.get("tool_choice")
	if !ok {
		return tools, c
	}
	choice := o.d.object("tool_choice", raw)
	c.Single = isTrue(choice.flag("disable_parallel_tool_use"))
	name, _ := choice.text("name")
	switch kind := choice.requiredText("type"); kind {
	case "auto":
	case "none":
		c.Mode = answer.None
	case "any":
		c.Mode = answer.Required
	case "tool":
		c.Mode, c.Name = answer.Required, name
		if name == "" {
			choice.missing("name")
		}
	default:
		o.d.fail(invalid("tool_choice.type", "expected \"auto\", \"any\", \"tool\" or \"none\", got %.64q", kind))
	}
	if c.Mode == answer.Required && len(c.Among(tools)) == 0 {
		o.d.fail(invalid("tool_choice", "there is no such function among the tools"))
	}
	return tools, c
}

// flatTool reads a function whose definition is not nested, and makes OpenAI's chat object of it.
func flatTool(o object, schema string, before []answer.Tool) answer.Tool {
	if raw, ok := o.get(schema); ok {
		o.fields["parameters"] = raw
	}
	t := function(o, nil, before)
	definition := struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters,omitempty"`
	}{t.Name, t.Description, t.Parameters}
	t.Raw = appendJSON(nil, struct {
		Type     string `json:"type"`
		Function any    `json:"function"`
	}{"function", definition})
	return t
}
