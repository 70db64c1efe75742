package fake

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// instance is a text that satisfies a constraint.
func instance(c backend.Constraint) (string, error) {
	if c.Grammar != "" {
		return firstChoice(c.Grammar)
	}
	var schema any
	if err := json.Unmarshal([]byte(c.JSONSchema), &schema); err != nil {
		return "", fmt.Errorf("json_schema: %w: %w", base.ErrInvalid, err)
	}
	value, err := example(schema)
	if err != nil {
		return "", err
	}
	out, err := json.Marshal(value)
	return string(out), err
}

var (
	rule    = regexp.MustCompile(`^\s*root\s*::=`)
	choices = regexp.MustCompile(`^\s*root\s*::=\s*("(?:[^"\\]|\\.)*")(?:\s*\|\s*"(?:[^"\\]|\\.)*")*\s*$`)
)

func firstChoice(grammar string) (string, error) {
	if !rule.MatchString(grammar) {
		return "", fmt.Errorf("grammar: %w: it has no rule root", base.ErrInvalid)
	}
	match := choices.FindStringSubmatch(grammar)
	if match == nil {
		return "", fmt.Errorf("grammar: %w: the fake knows alternatives of literals only", base.ErrUnsupported)
	}
	text, err := strconv.Unquote(match[1])
	if err != nil {
		return "", fmt.Errorf("grammar: %w: %w", base.ErrInvalid, err)
	}
	return text, nil
}

// example is a small value that a schema allows.
func example(schema any) (any, error) {
	s, ok := schema.(map[string]any)
	if !ok {
		if schema == true {
			return map[string]any{}, nil
		}
		return nil, fmt.Errorf("json_schema: %w: a schema is an object", base.ErrInvalid)
	}
	if v, ok := s["const"]; ok {
		return v, nil
	}
	if list, ok := s["enum"].([]any); ok && len(list) > 0 {
		return list[0], nil
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if list, ok := s[key].([]any); ok && len(list) > 0 {
			return example(list[0])
		}
	}
	return exampleOfType(s)
}

func exampleOfType(s map[string]any) (any, error) {
	kind := s["type"]
	if list, ok := kind.([]any); ok && len(list) > 0 {
		kind = list[0]
	}
	switch kind {
	case "string":
		return "word", nil
	case "integer", "number":
		return or(s["minimum"], any(1)), nil
	case "boolean":
		return true, nil
	case "null":
		return nil, nil
	case "array":
		return exampleOfArray(s)
	case "object", nil:
		return exampleOfObject(s)
	default:
		return nil, fmt.Errorf("json_schema: %w: type %v", base.ErrInvalid, kind)
	}
}

func exampleOfArray(s map[string]any) (any, error) {
	least, _ := s["minItems"].(float64)
	list := []any{}
	for len(list) < int(least) {
		v, err := example(or(s["items"], any(map[string]any{"type": "string"})))
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func exampleOfObject(s map[string]any) (any, error) {
	properties, _ := s["properties"].(map[string]any)
	object := make(map[string]any, len(properties))
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		v, err := example(properties[name])
		if err != nil {
			return nil, err
		}
		object[name] = v
	}
	return object, nil
}

func or(value, fallback any) any {
	if value == nil {
		return fallback
	}
	return value
}
