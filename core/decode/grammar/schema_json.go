package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// object is a JSON object that knows the order of its keys.
type object struct {
	keys   []string
	values map[string]any // nil, bool, string, json.Number, []any, *object
}

func newObject() *object { return &object{values: map[string]any{}} }

func (o *object) set(key string, value any) {
	if _, known := o.values[key]; !known {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

func (o *object) has(key string) bool {
	_, ok := o.values[key]
	return ok
}

// without returns a copy that lacks some keys.
func (o *object) without(keys ...string) *object {
	rest := newObject()
	for _, k := range o.keys {
		rest.set(k, o.values[k])
	}
	for _, k := range keys {
		if rest.has(k) {
			delete(rest.values, k)
			for i := range rest.keys {
				if rest.keys[i] == k {
					rest.keys = append(rest.keys[:i], rest.keys[i+1:]...)
					break
				}
			}
		}
	}
	return rest
}

// decodeJSON reads one JSON value and nothing else. Numbers stay as they were written.
func decodeJSON(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxSchemaDepth*4 {
		return nil, fmt.Errorf("nested deeper than %d", maxSchemaDepth*4)
	}
	token, err := d.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := newObject()
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			o.set(key.(string), value)
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

// encodeJSON writes a value of decodeJSON compactly.
func encodeJSON(v any) string {
	switch v := v.(type) {
	case *object:
		members := make([]string, len(v.keys))
		for i, k := range v.keys {
			members[i] = encodeString(k) + ":" + encodeJSON(v.values[k])
		}
		return "{" + strings.Join(members, ",") + "}"
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = encodeJSON(v[i])
		}
		return "[" + strings.Join(items, ",") + "]"
	case string:
		return encodeString(v)
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return "null"
}

// encodeString writes a string with the fewest escapes.
func encodeString(s string) string {
	var text bytes.Buffer
	text.WriteByte('"')
	for _, r := range s {
		text.WriteString(encodeRune(r))
	}
	text.WriteByte('"')
	return text.String()
}

// encodeRune writes a character of a string, escaped where it must be.
func encodeRune(r rune) string {
	switch r {
	case '"', '\\':
		return `\` + string(r)
	case '\b':
		return `\b`
	case '\f':
		return `\f`
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	if r < 0x20 {
		return fmt.Sprintf(`\u%04x`, r)
	}
	return string(r)
}
