package openai

import (
	"encoding/json"

	"github.com/kakeyad/kakeyad/core/chat/answer"
)

// Bounds of tools.
const (
	maxTools    = 512
	maxToolName = 64
)

// tools reads the functions that a model may call.
func tools(o object) []answer.Tool {
	raw, ok := o.get("tools")
	if !ok {
		return nil
	}
	items := o.d.items("tools", raw)
	if len(items) > maxTools {
		o.d.fail(invalid("tools", "expected at most %d, got %d", maxTools, len(items)))
		return nil
	}
	out := make([]answer.Tool, 0, len(items))
	for i, item := range items {
		tool := o.d.object(index("tools", i), item)
		if kind := tool.requiredText("type"); kind != "function" && o.d.err == nil {
			o.d.fail(unsupported(tool.at("type"), "only \"function\" is supported, got %.64q", kind))
		}
		raw, ok := tool.get("function")
		if !ok {
			tool.missing("function")
			return nil
		}
		out = append(out, function(o.d.object(tool.at("function"), raw), item, out))
		if o.d.err != nil {
			return nil
		}
	}
	return out
}

// function reads the definition of a function; raw is OpenAI's tool object around it.
func function(o object, raw json.RawMessage, before []answer.Tool) answer.Tool {
	t := answer.Tool{Name: o.requiredText("name"), Raw: raw}
	if !isFunctionName(t.Name) {
		o.d.fail(invalid(o.at("name"), "expected 1 to %d of a-z, A-Z, 0-9, \"_\", \"-\" and \".\", got %.80q", maxToolName, t.Name))
	}
	for _, other := range before {
		if other.Name == t.Name {
			o.d.fail(invalid(o.at("name"), "there are two functions %q", t.Name))
		}
	}
	t.Description, _ = o.text("description")
	if raw, ok := o.get("parameters"); ok {
		o.d.object(o.at("parameters"), raw)
		t.Parameters = raw
	}
	return t
}

func isFunctionName(s string) bool {
	for _, c := range []byte(s) {
		if c != '_' && c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != "" && len(s) <= maxToolName
}

// toolChoice reads tool_choice and parallel_tool_calls.
func toolChoice(o object, tools []answer.Tool) answer.Choice {
	var c answer.Choice
	if parallel := o.flag("parallel_tool_calls"); parallel != nil {
		c.Single = !*parallel
	}
	raw, ok := o.get("tool_choice")
	if !ok {
		return c
	}
	if kindOf(raw) == "a string" {
		switch mode := o.d.text("tool_choice", raw); mode {
		case "auto":
		case "none":
			c.Mode = answer.None
		case "required", "any":
			c.Mode = answer.Required
		default:
			o.d.fail(invalid("tool_choice", "expected \"auto\", \"none\", \"required\" or a function, got %.64q", mode))
		}
	} else {
		c.Mode = answer.Required
		named := o.d.object("tool_choice", raw)
		if raw, ok := named.get("function"); ok {
			named = o.d.object("tool_choice.function", raw)
		}
		c.Name = named.requiredText("name")
	}
	if c.Mode == answer.Required && len(c.Among(tools)) == 0 {
		o.d.fail(invalid("tool_choice", "there is no such function among the tools"))
	}
	return c
}

// reasoningFormat says where thoughts go: "none" leaves them in the content.
func reasoningFormat(o object) string {
	format, ok := o.text("reasoning_format")
	if ok && format != "none" && format != "auto" && format != "deepseek" {
		o.d.fail(invalid("reasoning_format", "expected \"auto\", \"deepseek\" or \"none\", got %.64q", format))
	}
	return format
}
