package answer

import "strings"

// deepseek is that of DeepSeek R1 and V3: calls between tokens, the arguments as a block of code.
var deepseek = deepseekForm("deepseek", "function<｜tool▁sep｜>", "\n```json\n", "\n```")

// deepseekPlain is that of DeepSeek V3.1.
var deepseekPlain = deepseekForm("deepseek-plain", "", "<｜tool▁sep｜>", "")

func deepseekForm(name, before, between, after string) *Dialect {
	const callsBegin, callsEnd = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
	const callBegin, callEnd = "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>"
	return &Dialect{
		Name:    name,
		markers: []string{callsBegin, callBegin},
		closers: []string{"```", callEnd, callsEnd},
		example: callsBegin + callBegin + before + "NAME" + between + "ARGUMENTS" + after + callEnd + callsEnd,
		next: func(c *cursor, _ []Tool) (found, status) {
			for _, text := range []string{"```", callEnd, callsBegin} {
				c.space()
				c.skip(text)
			}
			c.space()
			if c.skip(callsEnd) {
				return found{}, done
			}
			if !c.skip(callBegin) {
				if c.short {
					return found{}, more
				}
				return found{}, done
			}
			c.short = false
			c.skip(before)
			name, ok := c.until(strings.TrimRight(between, "\n"))
			if !ok {
				return found{}, more
			}
			c.space()
			call := found{name: strings.TrimSpace(name)}
			call.args, call.whole = c.value()
			return said(c, call, true)
		},
		grammar: func(b *builder, tools []Tool, single bool) (string, error) {
			call, err := b.each(tools, func(t Tool, arguments string) string {
				return quote(callBegin+before+t.Name+between) + " " + arguments + " " + quote(after+callEnd)
			})
			return quote(callsBegin) + " " + repeated(call, `"\n"`, single) + " " + quote(callsEnd), err
		},
	}
}

// glm4 is that of GLM-4: an answer is a function's name on a line of its own, then the arguments.
var glm4 = &Dialect{
	Name:    "glm4",
	example: "NAME\nARGUMENTS",
	bare:    true,
	next: func(c *cursor, tools []Tool) (found, status) {
		c.space()
		for _, t := range tools {
			if !c.skip(t.Name + "\n") {
				continue
			}
			if !strings.HasPrefix(c.rest, "{") && c.rest != "" {
				return found{}, other
			}
			call := found{name: t.Name}
			call.args, call.whole = c.value()
			return said(c, call, true)
		}
		if c.short {
			return found{}, more
		}
		return found{}, other
	},
	grammar: func(b *builder, tools []Tool, _ bool) (string, error) {
		return b.each(tools, func(t Tool, arguments string) string { return quote(t.Name+"\n") + " " + arguments })
	},
}
