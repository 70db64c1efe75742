package grammar

import (
	"encoding/json"
	"slices"
)

// flatten returns a schema without $ref and allOf that says the same: what they name is merged
// into what stands beside them.
func (c *converter) flatten(s *object, pointer string, depth int) (*object, error) {
	if depth > maxSchemaDepth {
		return nil, schemaErrorf(pointer, "%q and %q lead back to themselves", "$ref", "allOf")
	}
	if err := c.count(pointer); err != nil {
		return nil, err
	}
	if err := checkKeywords(s, pointer); err != nil {
		return nil, err
	}
	flat := newObject()
	for _, k := range s.keys {
		if !isAnnotation(k) && k != "$ref" && k != "allOf" {
			flat.set(k, s.values[k])
		}
	}
	var parts []any
	if s.has("$ref") {
		ref, ok := s.values["$ref"].(string)
		if !ok {
			return nil, schemaErrorf(pointer, "%q must be a string", "$ref")
		}
		target, err := c.resolve(ref, pointer)
		if err != nil {
			return nil, err
		}
		parts = append(parts, target)
	}
	if s.has("allOf") {
		list, err := schemaList(s, "allOf", pointer)
		if err != nil {
			return nil, err
		}
		parts = append(parts, list...)
	}
	for _, part := range parts {
		switch part := part.(type) {
		case bool:
			if !part {
				return nil, neverf(pointer, "%q has a schema that is false", "allOf")
			}
		case *object:
			other, err := c.flatten(part, pointer, depth+1)
			if err != nil {
				return nil, err
			}
			if flat, err = merge(flat, other, pointer); err != nil {
				return nil, err
			}
		default:
			return nil, schemaErrorf(pointer, "a schema must be an object or a boolean")
		}
	}
	return flat, nil
}

// merge returns the schema that allows what both of two flat schemas allow.
func merge(a, b *object, pointer string) (*object, error) {
	if x, y := branchesOf(a), branchesOf(b); x != "" && y != "" {
		return distribute(a, b, x), nil
	}
	closeProperties(a, b)
	closeProperties(b, a)
	both := newObject()
	for _, k := range a.keys {
		both.set(k, a.values[k])
	}
	for _, k := range b.keys {
		if !both.has(k) {
			both.set(k, b.values[k])
			continue
		}
		v, err := mergeKeyword(k, both.values[k], b.values[k], pointer)
		if err != nil {
			return nil, err
		}
		both.set(k, v)
	}
	return both, nil
}

func branchesOf(s *object) string {
	for _, k := range []string{"anyOf", "oneOf"} {
		if s.has(k) {
			return k
		}
	}
	return ""
}

// distribute makes a branch of each branch of a, with the rest of a and all of b.
func distribute(a, b *object, keyword string) *object {
	list, _ := a.values[keyword].([]any)
	branches := make([]any, len(list))
	for i, branch := range list {
		all := newObject()
		all.set("allOf", []any{branch, a.without(keyword), b})
		branches[i] = all
	}
	out := newObject()
	out.set(keyword, branches)
	return out
}

// closeProperties makes the additionalProperties of s hold for what only other declares.
func closeProperties(s, other *object) {
	more, ok := s.values["additionalProperties"]
	declared, _ := other.values["properties"].(*object)
	if !ok || declared == nil {
		return
	}
	own, _ := s.values["properties"].(*object)
	extended := newObject()
	if own != nil {
		extended = own.without()
	}
	for _, k := range declared.keys {
		if !extended.has(k) {
			extended.set(k, more)
		}
	}
	s.set("properties", extended)
}

// mergeKeyword joins two values of a keyword.
func mergeKeyword(k string, a, b any, pointer string) (any, error) {
	if encodeJSON(a) == encodeJSON(b) {
		return a, nil
	}
	switch k {
	case "type":
		return mergeTypes(a, b, pointer)
	case "properties":
		x, okX := a.(*object)
		y, okY := b.(*object)
		if okX && okY {
			both := x.without()
			for _, name := range y.keys {
				v := y.values[name]
				if x.has(name) {
					v = allOf(x.values[name], v)
				}
				both.set(name, v)
			}
			return both, nil
		}
	case "required":
		x, okX := a.([]any)
		y, okY := b.([]any)
		if okX && okY {
			return append(slices.Clone(x), y...), nil
		}
	case "enum":
		x, okX := a.([]any)
		y, okY := b.([]any)
		if okX && okY {
			return intersect(x, y), nil
		}
	case "const":
		return nil, neverf(pointer, "two values of %q", k)
	case "additionalProperties", "items":
		return allOf(a, b), nil
	case "minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties":
		return mergeBound(k, a, b, +1, pointer)
	case "maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties":
		return mergeBound(k, a, b, -1, pointer)
	}
	return nil, schemaErrorf(pointer, "%q differs in schemas that must both hold", k)
}

func allOf(a, b any) *object {
	both := newObject()
	both.set("allOf", []any{a, b})
	return both
}

func mergeTypes(a, b any, pointer string) (any, error) {
	x, err := typeList(a, pointer)
	if err != nil {
		return nil, err
	}
	y, err := typeList(b, pointer)
	if err != nil {
		return nil, err
	}
	both := []any{}
	for _, t := range knownTypes {
		inX := slices.Contains(x, t) || t == "integer" && slices.Contains(x, "number")
		inY := slices.Contains(y, t) || t == "integer" && slices.Contains(y, "number")
		if inX && inY {
			both = append(both, t)
		}
	}
	return both, nil
}

// intersect returns the values that are in both lists.
func intersect(x, y []any) []any {
	in := map[string]bool{}
	for _, v := range y {
		in[encodeJSON(v)] = true
	}
	both := []any{}
	for _, v := range x {
		if in[encodeJSON(v)] {
			both = append(both, v)
		}
	}
	return both
}

// mergeBound returns the greater of two numbers, or the lesser when sign is negative.
func mergeBound(k string, a, b any, sign int, pointer string) (any, error) {
	x, err := decimalOf(k, a, pointer)
	if err != nil {
		return nil, err
	}
	y, err := decimalOf(k, b, pointer)
	if err != nil {
		return nil, err
	}
	if x.Cmp(y)*sign >= 0 {
		return a, nil
	}
	return b, nil
}

// visitLiterals is const and enum.
func (c *converter) visitLiterals(s *object, pointer string) (string, error) {
	var values []any
	if s.has("enum") {
		list, ok := s.values["enum"].([]any)
		if !ok {
			return "", schemaErrorf(pointer, "%q must be a list", "enum")
		}
		values = list
	}
	if s.has("const") {
		value := []any{s.values["const"]}
		if s.has("enum") {
			value = intersect(value, values)
		}
		values = value
	}
	types := knownTypes
	for _, k := range s.keys {
		switch k {
		case "enum", "const", "format":
		case "type":
			var err error
			if types, err = typeList(s.values[k], pointer); err != nil {
				return "", err
			}
		default:
			return "", schemaErrorf(pointer, "keyword %q is not supported beside enum and const", k)
		}
	}
	var alternatives []string
	for _, v := range values {
		if hasType(v, types) {
			alternatives = append(alternatives, quote(encodeJSON(v)))
		}
	}
	if len(alternatives) == 0 {
		return "", neverf(pointer, "no value of enum and const is left")
	}
	return either(alternatives), nil
}

// hasType says whether a value is of one of the types.
func hasType(v any, types []string) bool {
	of := "null"
	switch v := v.(type) {
	case bool:
		of = "boolean"
	case string:
		of = "string"
	case []any:
		of = "array"
	case *object:
		of = "object"
	case json.Number:
		of = "number"
		if n, err := decimalOf("enum", v, ""); err == nil && n.IsInt() && slices.Contains(types, "integer") {
			of = "integer"
		}
	}
	return slices.Contains(types, of)
}
