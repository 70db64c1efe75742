package chat

import (
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// list is a template's list. The engine's own slices answer [-n] wrongly for n items.
type list []any

// GetItem indexes as Python does.
func (l list) GetItem(key any) (*exec.Value, bool) {
	i, ok := key.(int)
	if !ok {
		return exec.AsValue(nil), false
	}
	if i < 0 {
		i += len(l)
	}
	if i < 0 || i >= len(l) {
		return exec.AsValue(nil), false
	}
	return exec.ToValue(l[i]), true
}

// native turns a decoded JSON value into a template's: whole numbers become integers.
func native(v any) any {
	switch v := v.(type) {
	case json.RawMessage:
		if parsed, err := fromJSON(v); err == nil {
			return parsed
		}
		return nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
		return v
	case []any:
		out := make(list, len(v))
		for i := range v {
			out[i] = native(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			out[k] = native(v[k])
		}
		return out
	}
	return v
}

// textList makes a template's list of strings.
func textList(parts []string) list {
	out := make(list, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out
}

// fields splits around white space, at most n cuts (n < 0: all), as Python's split() does.
func fields(s string, n int) []string {
	if n < 0 {
		return strings.Fields(s)
	}
	var out []string
	s = strings.TrimLeft(s, whitespace)
	for s != "" && len(out) < n {
		i := strings.IndexAny(s, whitespace)
		if i < 0 {
			break
		}
		out = append(out, s[:i])
		s = strings.TrimLeft(s[i:], whitespace)
	}
	if s != "" {
		out = append(out, s)
	}
	return out
}

// lastSplit is Python's rsplit with a separator.
func lastSplit(s, sep string, n int) []string {
	var out []string
	for n < 0 || len(out) < n {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		out = append(out, s[i+len(sep):])
		s = s[:i]
	}
	out = append(out, s)
	slices.Reverse(out)
	return out
}

// whitespace is what Python's strip takes off.
const whitespace = " \t\n\r\v\f\x1c\x1d\x1e\x1f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
