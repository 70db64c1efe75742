package answer

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// glm is that of GLM 4.5 and later: the name, then keys and values between tags. Values that the
// schema takes for text are written as they are, others as JSON.
var glm = &Dialect{
	Name:    "glm",
	markers: []string{"<tool_call>"},
	example: "<tool_call>NAME\n<arg_key>KEY</arg_key>\n<arg_value>VALUE</arg_value>\n</tool_call>",
	next: func(c *cursor, tools []Tool) (found, status) {
		c.space()
		if !c.skip("<tool_call>") {
			if c.short {
				return found{}, more
			}
			return found{}, done
		}
		body, ok := c.until("</tool_call>")
		if !ok {
			return found{}, more
		}
		name, pairs, _ := strings.Cut(body, "<arg_key>")
		name = strings.TrimSpace(name)
		schemas := properties(tools, name)
		var b bytes.Buffer
		for n := 0; pairs != ""; n++ {
			key, rest, ok := strings.Cut(pairs, "</arg_key>")
			_, rest, opened := strings.Cut(rest, "<arg_value>")
			value, rest, closed := strings.Cut(rest, "</arg_value>")
			if !ok || !opened || !closed {
				return found{}, other
			}
			if n > 0 {
				b.WriteString(", ")
			}
			b.Write(jsonText(strings.TrimSpace(key)))
			b.WriteString(": ")
			b.Write(argument(value, schemas.get(strings.TrimSpace(key))))
			_, pairs, _ = strings.Cut(rest, "<arg_key>")
		}
		return found{name: name, args: "{" + b.String() + "}", whole: true}, whole
	},
	grammar: func(b *builder, tools []Tool, single bool) (string, error) {
		var calls []string
		for _, t := range tools {
			call, err := b.pairs(t)
			if err != nil {
				return "", err
			}
			calls = append(calls, call)
		}
		return repeated(either(calls), `"\n"`, single), nil
	},
}

// pairs describes a call of one tool.
func (b *builder) pairs(t Tool) (string, error) {
	call := quote("<tool_call>" + t.Name + "\n")
	for _, p := range properties([]Tool{t}, t.Name) {
		value := "([^<])*"
		if !isText(p.schema) || bytes.Contains(p.schema, []byte(`"enum"`)) {
			var err error
			if value, err = b.schema(t.Name, p.schema); err != nil {
				return "", err
			}
		}
		pair := quote("<arg_key>"+p.name+"</arg_key>\n<arg_value>") + " " + value + " " + quote("</arg_value>\n")
		if !p.required {
			pair = "(" + pair + ")?"
		}
		call += " " + pair
	}
	return call + ` "</tool_call>"`, nil
}

// property is a property of a schema.
type property struct {
	name     string
	schema   json.RawMessage
	required bool
}

type propertyList []property

func (l propertyList) get(name string) json.RawMessage {
	for _, p := range l {
		if p.name == name {
			return p.schema
		}
	}
	return nil
}

// properties returns those of a tool's arguments, in their order.
func properties(tools []Tool, name string) propertyList {
	i := slices.IndexFunc(tools, func(t Tool) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	var outer struct {
		Properties json.RawMessage `json:"properties"`
		Required   []string        `json:"required"`
	}
	if json.Unmarshal(tools[i].Parameters, &outer) != nil {
		return nil
	}
	var out propertyList
	d := json.NewDecoder(bytes.NewReader(outer.Properties))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		var schema json.RawMessage
		if err != nil || d.Decode(&schema) != nil {
			return nil
		}
		k, _ := key.(string)
		out = append(out, property{k, schema, slices.Contains(outer.Required, k)})
	}
	return out
}

// argument is a value as JSON.
func argument(value string, schema json.RawMessage) json.RawMessage {
	trimmed := strings.TrimSpace(value)
	if !json.Valid([]byte(trimmed)) || isText(schema) && !strings.HasPrefix(trimmed, `"`) {
		return jsonText(value)
	}
	return json.RawMessage(trimmed)
}

func isText(schema json.RawMessage) bool {
	var s struct {
		Type any `json:"type"`
	}
	return json.Unmarshal(schema, &s) == nil && s.Type == "string"
}

func jsonText(s string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // text always has a JSON form
	return bytes.TrimSpace(b.Bytes())
}
