package openai

import (
	"encoding/json"

	"github.com/kakeyad/kakeyad/core/chat"
	"github.com/kakeyad/kakeyad/core/chat/answer"
)

// ResponsesRequest is the body of /v1/responses.
type ResponsesRequest struct {
	ChatRequest
	Echoed ResponsesEcho
}

// ResponsesEcho is what an answer repeats of its request.
type ResponsesEcho struct {
	Instructions json.RawMessage `json:"instructions"`
	MaxOutput    *int            `json:"max_output_tokens"`
	Parallel     bool            `json:"parallel_tool_calls"`
	Temperature  json.RawMessage `json:"temperature"`
	TopP         json.RawMessage `json:"top_p"`
	Text         json.RawMessage `json:"text"`
	ToolChoice   json.RawMessage `json:"tool_choice"`
	Tools        json.RawMessage `json:"tools"`
	Reasoning    json.RawMessage `json:"reasoning"`
	Metadata     json.RawMessage `json:"metadata"`
}

// ReadResponses reads the body of /v1/responses. The error is an *Error.
func ReadResponses(body []byte) (*ResponsesRequest, error) {
	d := &decoder{}
	o := d.body(body)
	if d.err != nil {
		return nil, d.err
	}
	r := &ResponsesRequest{ChatRequest: ChatRequest{Model: o.requiredText("model"), From: sender(o), Delivery: delivery(o)}}
	delete(o.fields, "n")
	r.Params = params(o)
	r.MaxTokens = maxTokens(o, 1, "max_output_tokens")
	for _, key := range []string{"previous_response_id", "conversation", "prompt"} {
		if _, ok := o.get(key); ok {
			d.fail(unsupported(key, "answers are not kept here: send the whole conversation as input"))
		}
	}
	if isTrue(o.flag("background")) {
		d.fail(unsupported("background", "is not supported"))
	}
	if text, ok := o.text("instructions"); ok {
		r.Messages = append(r.Messages, chat.Message{Role: "system", Content: text})
	}
	r.Messages = append(r.Messages, inputMessages(o)...)
	r.Tools = flatTools(o)
	r.Choice = toolChoice(o, r.Tools)
	if raw, ok := o.get("text"); ok {
		if raw, ok := d.object("text", raw).get("format"); ok {
			r.Constraint.JSONSchema = textFormat(d.object("text.format", raw))
		}
	}
	r.Template = templateVariables(o)
	if raw, ok := o.get("reasoning"); ok {
		if effort, ok := d.object("reasoning", raw).text("effort"); ok {
			r.Template["reasoning_effort"] = effort
		}
	}
	if d.err != nil {
		return nil, d.err
	}
	r.echo(o)
	return r, nil
}

func (r *ResponsesRequest) echo(o object) {
	or := func(key, otherwise string) json.RawMessage {
		if raw, ok := o.get(key); ok {
			return raw
		}
		return json.RawMessage(otherwise)
	}
	r.Echoed = ResponsesEcho{
		Instructions: or("instructions", "null"), MaxOutput: r.MaxTokens, Parallel: !r.Choice.Single,
		Temperature: or("temperature", "null"), TopP: or("top_p", "null"), Text: or("text", `{"format":{"type":"text"}}`),
		ToolChoice: or("tool_choice", `"auto"`), Tools: or("tools", "[]"),
		Reasoning: or("reasoning", `{"effort":null,"summary":null}`), Metadata: or("metadata", "{}"),
	}
}

// flatTools reads tools whose definitions are not nested.
func flatTools(o object) (out []answer.Tool) {
	raw, ok := o.get("tools")
	if !ok {
		return nil
	}
	for i, item := range o.d.items("tools", raw) {
		tool := o.d.object(index("tools", i), item)
		if kind := tool.requiredText("type"); kind != "function" && o.d.err == nil {
			o.d.fail(unsupported(tool.at("type"), "only \"function\" is supported, got %.64q", kind))
		}
		if o.d.err != nil {
			return nil
		}
		out = append(out, flatTool(tool, "parameters", out))
	}
	return out
}

// textFormat returns the schema of an answer, "" when it may be any text.
func textFormat(o object) string {
	switch kind := o.requiredText("type"); kind {
	case "text", "":
	case "json_object":
		return `{"type":"object"}`
	case "json_schema":
		raw, ok := o.get("schema")
		if !ok {
			o.missing("schema")
		}
		return schema(o.d, o.at("schema"), raw)
	default:
		o.d.fail(invalid(o.at("type"), "expected \"text\", \"json_object\" or \"json_schema\", got %.64q", kind))
	}
	return ""
}

// inputMessages reads input: a text, or items.
func inputMessages(o object) []chat.Message {
	raw, ok := o.get("input")
	if !ok {
		o.missing("input")
		return nil
	}
	if kindOf(raw) == "a string" {
		return []chat.Message{{Role: "user", Content: o.d.text("input", raw)}}
	}
	var out []chat.Message
	for i, item := range o.d.items("input", raw) {
		out = inputItem(o.d.object(index("input", i), item), out)
		if o.d.err != nil {
			return nil
		}
	}
	if len(out) == 0 {
		o.d.fail(invalid("input", "expected at least one item"))
	}
	return out
}

// inputItem adds an item to the messages. What an assistant thought, said and called is one message.
func inputItem(o object, out []chat.Message) []chat.Message {
	assistant := func() *chat.Message {
		if last := len(out) - 1; last < 0 || out[last].Role != "assistant" {
			out = append(out, chat.Message{Role: "assistant"})
		}
		return &out[len(out)-1]
	}
	kind, _ := o.text("type")
	switch kind {
	case "message", "":
		role := o.requiredText("role")
		known, ok := roles[role]
		raw, there := o.get("content")
		switch {
		case !ok && o.d.err == nil:
			o.d.fail(invalid(o.at("role"), "expected \"user\", \"assistant\", \"system\" or \"developer\", got %.64q", role))
		case !there:
			o.missing("content")
		case known == "assistant":
			assistant().Content += content(o.d, o.at("content"), raw)
		default:
			out = append(out, chat.Message{Role: known, Content: content(o.d, o.at("content"), raw)})
		}
	case "function_call":
		arguments, _ := o.text("arguments")
		m := assistant()
		m.ToolCalls = append(m.ToolCalls, chat.ToolCall{ID: o.requiredText("call_id"), Name: o.requiredText("name"), Arguments: arguments})
	case "function_call_output":
		m := chat.Message{Role: "tool", ToolCallID: o.requiredText("call_id")}
		if raw, ok := o.get("output"); ok {
			m.Content = content(o.d, o.at("output"), raw)
		}
		out = append(out, m)
	case "reasoning":
		if raw, ok := o.get("content"); ok {
			assistant().Reasoning += content(o.d, o.at("content"), raw)
		}
	default:
		o.d.fail(unsupported(o.at("type"), "is not supported: %.64q", kind))
	}
	return out
}
