package answer

import "strings"

// hermes is that of Qwen and of models after Hermes: each call is an object between tags.
var hermes = &Dialect{
	Name:    "hermes",
	markers: []string{"<tool_call>"},
	closers: []string{"</tool_call>"},
	bare:    true,
	example: "<tool_call>\n{\"name\": NAME, \"arguments\": ARGUMENTS}\n</tool_call>",
	next: func(c *cursor, _ []Tool) (found, status) {
		c.space()
		c.skip("</tool_call>")
		c.space()
		tagged := c.skip("<tool_call>")
		c.space()
		if c.short && !tagged {
			return found{}, more
		}
		if !tagged && !strings.HasPrefix(c.rest, "{") {
			return found{}, done
		}
		call, ok := c.object()
		return said(c, call, ok)
	},
	grammar: func(b *builder, tools []Tool, single bool) (string, error) {
		call, err := b.objects(tools, "arguments")
		return repeated(`"<tool_call>\n" `+call+` "\n</tool_call>"`, `"\n"`, single), err
	},
}

// llama is that of Llama 3: an answer is one object, or some in a row.
var llama = &Dialect{
	Name:    "llama",
	markers: []string{"<|python_tag|>"},
	closers: []string{";"},
	bare:    true,
	example: `{"name": NAME, "parameters": ARGUMENTS}`,
	next: func(c *cursor, _ []Tool) (found, status) {
		c.skip("<|python_tag|>")
		c.space()
		c.skip(";")
		c.space()
		if c.rest == "" {
			return found{}, more
		}
		if !strings.HasPrefix(c.rest, "{") {
			return found{}, done
		}
		c.short = false
		call, ok := c.object()
		return said(c, call, ok)
	},
	grammar: func(b *builder, tools []Tool, single bool) (string, error) {
		call, err := b.objects(tools, "parameters")
		return repeated(call, `"; "`, single), err
	},
}

// mistral is that of Mistral: a control token, then a list of objects, or each call as its name and
// arguments.
var mistral = &Dialect{
	Name:        "mistral",
	KeepSpecial: true,
	Prefill:     "[TOOL_CALLS]",
	markers:     []string{"[TOOL_CALLS]"},
	closers:     []string{"]"},
	example:     `[TOOL_CALLS][{"name": NAME, "arguments": ARGUMENTS}]`,
	next: func(c *cursor, _ []Tool) (found, status) {
		c.space()
		c.skip("[TOOL_CALLS]")
		c.space()
		if c.skip("]") {
			return found{}, done
		}
		c.skip(",")
		c.space()
		if c.short {
			return found{}, more
		}
		c.skip("[")
		c.space()
		if strings.HasPrefix(c.rest, "{") {
			call, ok := c.object()
			return said(c, call, ok)
		}
		n := strings.IndexFunc(c.rest, func(r rune) bool { return !isNameRune(r) })
		switch {
		case n < 0:
			return found{}, more
		case n == 0:
			return found{}, done
		}
		call := found{name: c.rest[:n]}
		c.rest = c.rest[n:]
		if c.skip("[CALL_ID]") {
			c.rest = strings.TrimLeftFunc(c.rest, isNameRune)
		}
		c.skip("[ARGS]")
		c.space()
		if !strings.HasPrefix(c.rest, "{") {
			if c.short || c.rest == "" {
				return found{}, more
			}
			return found{}, other
		}
		call.args, call.whole = c.value()
		return said(c, call, true)
	},
	grammar: func(b *builder, tools []Tool, single bool) (string, error) {
		call, err := b.objects(tools, "arguments")
		return `"[" ` + repeated(call, `", "`, single) + ` "]"`, err
	},
}

// Generic is for models that nobody taught to call functions.
var Generic = &Dialect{
	Name:    "generic",
	closers: []string{"]", "}"},
	bare:    true,
	example: `{"tool_calls": [{"name": NAME, "arguments": ARGUMENTS}]}`,
	next: func(c *cursor, _ []Tool) (found, status) {
		c.space()
		if c.skip("]") {
			c.space()
			if !c.skip("}") && c.short {
				return found{}, more
			}
			return found{}, done
		}
		c.skip(",")
		c.space()
		if list := *c; list.skip("{") {
			list.space()
			if list.skip(`"tool_calls"`) {
				list.space()
				list.skip(":")
				list.space()
				list.skip("[")
				list.space()
				*c = list
			} else if list.short {
				return found{}, more
			}
		}
		if c.rest == "" {
			return found{}, more
		}
		c.short = false
		call, ok := c.object()
		return said(c, call, ok)
	},
	grammar: func(b *builder, tools []Tool, single bool) (string, error) {
		call, err := b.objects(tools, "arguments")
		return `"{\"tool_calls\": [" ` + repeated(call, `", "`, single) + ` "]}"`, err
	},
}

func isNameRune(r rune) bool {
	return r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
