package openai

import (
	"encoding/json"

	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/router"
)

// ChatRequest is the body of /v1/chat/completions.
type ChatRequest struct {
	Model string
	From  Sender
	Delivery
	router.ChatRequest
}

// ReadChat reads the body of /v1/chat/completions. The error is an *Error.
func ReadChat(body []byte) (*ChatRequest, error) {
	d := &decoder{}
	o := d.body(body)
	if d.err != nil {
		return nil, d.err
	}
	r := &ChatRequest{Model: o.requiredText("model"), From: sender(o), Delivery: delivery(o)}
	r.Messages = messages(o)
	r.Params = params(o)
	r.MaxTokens = maxTokens(o, 1, "max_completion_tokens", "max_tokens")
	r.Logprobs = isTrue(o.flag("logprobs"))
	if top := o.integer("top_logprobs", 0, maxTop); top != nil && *top > 0 {
		if !r.Logprobs {
			d.fail(invalid("top_logprobs", "needs logprobs to be true"))
		}
		r.TopLogprobs = *top
	}
	r.Template = templateVariables(o)
	r.Tools = tools(o)
	r.Choice = toolChoice(o, r.Tools)
	r.Whole = reasoningFormat(o) == "none"
	refuse(o)
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}

// refuse turns down what would change the answer and is not there yet.
func refuse(o object) {
	if raw, ok := o.get("functions"); ok && len(o.d.items("functions", raw)) > 0 {
		o.d.fail(unsupported("functions", "is out of use: give tools"))
	}
	if raw, ok := o.get("modalities"); ok {
		for i, item := range o.d.items("modalities", raw) {
			if s := o.d.text(index("modalities", i), item); s != "text" {
				o.d.fail(unsupported(index("modalities", i), "only \"text\" is supported, got %.32q", s))
			}
		}
	}
	if _, ok := o.get("audio"); ok {
		o.d.fail(unsupported("audio", "only text is supported"))
	}
}

// templateVariables reads chat_template_kwargs, and reasoning_effort, which templates that know
// of it read under that name.
func templateVariables(o object) map[string]any {
	out := map[string]any{}
	if raw, ok := o.get("chat_template_kwargs"); ok {
		for key, value := range o.d.object("chat_template_kwargs", raw).fields {
			out[key] = value
		}
	}
	if effort, ok := o.text("reasoning_effort"); ok {
		if _, said := out["reasoning_effort"]; !said {
			out["reasoning_effort"] = effort
		}
	}
	return out
}

func messages(o object) []chat.Message {
	raw, ok := o.get("messages")
	if !ok {
		o.missing("messages")
		return nil
	}
	items := o.d.items("messages", raw)
	if len(items) == 0 {
		o.d.fail(invalid("messages", "expected at least one message"))
		return nil
	}
	out := make([]chat.Message, 0, len(items))
	for i, item := range items {
		out = append(out, message(o.d.object(index("messages", i), item)))
		if o.d.err != nil {
			return nil
		}
	}
	return out
}

// roles that a message may have. A developer's words are a system prompt to the templates.
var roles = map[string]string{
	"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool", "function": "tool",
}

func message(o object) chat.Message {
	said := o.requiredText("role")
	role, known := roles[said]
	if !known {
		o.d.fail(invalid(o.at("role"), "expected \"system\", \"developer\", \"user\", \"assistant\" or \"tool\", got %.64q", said))
		return chat.Message{}
	}
	m := chat.Message{Role: role}
	m.Name, _ = o.text("name")
	m.ToolCallID, _ = o.text("tool_call_id")
	m.Reasoning, _ = o.text("reasoning_content")
	m.ToolCalls = toolCalls(o)
	raw, ok := o.get("content")
	switch {
	case ok:
		m.Content = content(o.d, o.at("content"), raw)
	case role != "assistant":
		o.missing("content")
	}
	return m
}

// content reads a string or an array of text parts.
func content(d *decoder, path string, raw json.RawMessage) string {
	switch kindOf(raw) {
	case "a string":
		return d.text(path, raw)
	case "an array":
	default:
		d.fail(invalid(path, "expected a string or an array of content parts, got %s", kindOf(raw)))
		return ""
	}
	text := ""
	for i, item := range d.items(path, raw) {
		if kindOf(item) == "a string" {
			text += d.text(index(path, i), item)
			continue
		}
		part := d.object(index(path, i), item)
		switch kind := part.requiredText("type"); kind {
		case "text", "refusal", "input_text", "output_text", "reasoning_text":
			if kind != "refusal" {
				kind = "text"
			}
			s, ok := part.text(kind)
			if !ok {
				part.missing(kind)
			}
			text += s
		default:
			d.fail(unsupported(part.at("type"), "only \"text\" is supported, got %.64q", kind))
		}
		if d.err != nil {
			return ""
		}
	}
	return text
}

func toolCalls(o object) []chat.ToolCall {
	raw, ok := o.get("tool_calls")
	if !ok {
		return nil
	}
	var out []chat.ToolCall
	for i, item := range o.d.items(o.at("tool_calls"), raw) {
		call := o.d.object(index(o.at("tool_calls"), i), item)
		id, _ := call.text("id")
		raw, ok := call.get("function")
		if !ok {
			call.missing("function")
			return nil
		}
		function := o.d.object(call.at("function"), raw)
		arguments, _ := function.text("arguments")
		out = append(out, chat.ToolCall{ID: id, Name: function.requiredText("name"), Arguments: arguments})
	}
	return out
}
