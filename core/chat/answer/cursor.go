package answer

import (
	"encoding/json"
	"strings"
)

// cursor reads a text that may not be whole yet.
type cursor struct {
	rest  string
	short bool // the text ended where more of it might have decided
}

// space skips white space.
func (c *cursor) space() { c.rest = strings.TrimLeft(c.rest, " \t\r\n") }

// skip takes a text, if it comes next.
func (c *cursor) skip(text string) bool {
	if rest, ok := strings.CutPrefix(c.rest, text); ok {
		c.rest = rest
		return true
	}
	if strings.HasPrefix(text, c.rest) {
		c.short = true
	}
	return false
}

// until takes what comes before an end, and the end.
func (c *cursor) until(end string) (string, bool) {
	before, after, found := strings.Cut(c.rest, end)
	if !found {
		c.short = true
		return "", false
	}
	c.rest = after
	return before, true
}

// value takes a JSON value, or as much of it as there is. What is no JSON is not found out.
func (c *cursor) value() (raw string, whole bool) {
	n, whole := valueEnd(c.rest)
	raw = c.rest[:n]
	c.rest = c.rest[n:]
	if !whole {
		c.short = true
	}
	return raw, whole
}

// valueEnd returns where the JSON value ends that s begins with.
func valueEnd(s string) (end int, whole bool) {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case quoted && c == '"':
			quoted = false
			if depth == 0 {
				return i + 1, true
			}
		case quoted:
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth == 0 {
				return i, i > 0 // after a number or a word
			}
			if depth--; depth == 0 {
				return i + 1, true
			}
		case depth == 0 && (c == ',' || c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '<'):
			return i, i > 0
		}
	}
	return len(s), false
}

// found is a call, as far as it is there.
type found struct {
	name  string // "" until it is whole
	args  string // as far as written
	whole bool
}

// keys of the objects that describe a call. Names and arguments go by several.
var callKeys = map[string]string{
	"name": "name", "function": "name", "tool_name": "name",
	"arguments": "arguments", "parameters": "arguments", "args": "arguments", "input": "arguments",
	"type": "", "id": "",
}

// object reads {"name": NAME, "arguments": {...}} with its keys in any order. ok is false when it is
// not such an object, or, if short, not yet.
func (c *cursor) object() (call found, ok bool) {
	if !c.skip("{") {
		return call, false
	}
	for first := true; ; first = false {
		c.space()
		if !first && c.skip("}") {
			call.whole = true
			if call.args == "" || call.args == "null" {
				call.args = "{}"
			}
			return call, call.name != ""
		}
		if !first && !c.skip(",") {
			return call, false
		}
		c.space()
		key, whole := c.string()
		if !whole {
			return call, false
		}
		meaning, known := callKeys[key]
		c.space()
		if !known || !c.skip(":") {
			return call, false
		}
		c.space()
		if strings.HasPrefix(c.rest, "{") && key == "function" { // {"type": "function", "function": {...}}
			inner, ok := c.object()
			call.name, call.args = inner.name, inner.args
			if !inner.whole {
				return call, ok
			}
			continue
		}
		raw, whole := c.value()
		switch meaning {
		case "name":
			if whole && json.Unmarshal([]byte(raw), &call.name) != nil {
				return call, false
			}
		case "arguments":
			call.args = arguments(raw, whole)
		}
		if !whole {
			return call, call.name != ""
		}
	}
}

// string takes a JSON string.
func (c *cursor) string() (text string, whole bool) {
	if c.rest == "" {
		c.short = true
	}
	if !strings.HasPrefix(c.rest, `"`) {
		return "", false
	}
	raw, whole := c.value()
	if !whole || json.Unmarshal([]byte(raw), &text) != nil {
		return "", false
	}
	return text, true
}

// arguments are those that were written. Some models write them as JSON within a string.
func arguments(raw string, whole bool) string {
	if !strings.HasPrefix(raw, `"`) {
		return raw
	}
	var text string
	if !whole || json.Unmarshal([]byte(raw), &text) != nil {
		return ""
	}
	if json.Valid([]byte(text)) {
		return text
	}
	return raw
}
