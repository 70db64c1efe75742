package grammar

import (
	"maps"
	"slices"
	"strings"
)

// keywords that are read here. Those of one type are ignored for values of another.
var keywordType = map[string]string{
	"properties": "object", "required": "object", "additionalProperties": "object",
	"minProperties": "object", "maxProperties": "object",
	"items": "array", "prefixItems": "array", "minItems": "array", "maxItems": "array", "uniqueItems": "array",
	"minLength": "string", "maxLength": "string", "pattern": "string", "format": "string",
	"minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
	"type": "", "enum": "", "const": "", "anyOf": "", "oneOf": "", "allOf": "", "$ref": "",
}

// annotations say nothing of which values are allowed.
var annotations = map[string]bool{
	"$schema": true, "$id": true, "$comment": true, "$defs": true, "definitions": true, "$anchor": true, "$vocabulary": true,
	"title": true, "description": true, "default": true, "example": true, "examples": true, "deprecated": true,
	"readOnly": true, "writeOnly": true, "contentEncoding": true, "contentMediaType": true, "contentSchema": true,
}

func isAnnotation(keyword string) bool {
	return annotations[keyword] || strings.HasPrefix(keyword, "x-")
}

// visit returns an expression for a schema. It can stand in a sequence. name is what its rules
// are named after.
func (c *converter) visit(schema any, pointer, name string) (string, error) {
	if c.depth++; c.depth > maxSchemaDepth {
		return "", schemaErrorf(pointer, "schemas are nested deeper than %d when references are written out", maxSchemaDepth)
	}
	defer func() { c.depth-- }()
	if err := c.count(pointer); err != nil {
		return "", err
	}
	switch s := schema.(type) {
	case bool:
		if !s {
			return "", neverf(pointer, "the schema is false")
		}
		return c.common("value"), nil
	case *object:
		return c.visitObject(s, pointer, name)
	}
	return "", schemaErrorf(pointer, "a schema must be an object or a boolean")
}

func (c *converter) visitObject(s *object, pointer, name string) (string, error) {
	if err := checkKeywords(s, pointer); err != nil {
		return "", err
	}
	rest := s
	for _, k := range s.keys {
		if isAnnotation(k) {
			rest = rest.without(k)
		}
	}
	if only, one := c.wrapped(rest); one {
		if ref, ok := only.(string); ok {
			return c.visitRef(ref, pointer, name)
		}
		return c.visit(only, pointer+"/allOf/0", name)
	}
	flat, err := c.flatten(rest, pointer, 0)
	if err != nil {
		return "", err
	}
	for _, k := range []string{"anyOf", "oneOf"} {
		if flat.has(k) {
			return c.visitBranches(flat, k, pointer, name)
		}
	}
	if flat.has("const") || flat.has("enum") {
		return c.visitLiterals(flat, pointer)
	}
	return c.visitTypes(flat, pointer, name)
}

// wrapped returns what a schema consists of when that is one $ref (a string) or an allOf of one
// schema.
func (c *converter) wrapped(s *object) (only any, one bool) {
	if len(s.keys) != 1 {
		return nil, false
	}
	switch v := s.values[s.keys[0]].(type) {
	case string:
		return v, s.keys[0] == "$ref"
	case []any:
		if s.keys[0] == "allOf" && len(v) == 1 {
			if _, isText := v[0].(string); !isText {
				return v[0], true
			}
		}
	}
	return nil, false
}

// checkKeywords refuses what would be ignored against the author's will.
func checkKeywords(s *object, pointer string) error {
	for _, k := range s.keys {
		if _, known := keywordType[k]; known || isAnnotation(k) {
			continue
		}
		return schemaErrorf(pointer, "keyword %q is not supported", k)
	}
	if unique, _ := s.values["uniqueItems"].(bool); unique {
		return schemaErrorf(pointer, "keyword %q is not supported", "uniqueItems")
	}
	return nil
}

// visitBranches is anyOf and oneOf. What stands beside them holds for each branch.
func (c *converter) visitBranches(s *object, keyword, pointer, name string) (string, error) {
	branches, err := schemaList(s, keyword, pointer)
	if err != nil {
		return "", err
	}
	beside := s.without(keyword)
	var alternatives []string
	var never error
	for i, branch := range branches {
		at := pointer + "/" + keyword + "/" + itoa(i)
		if len(beside.keys) > 0 {
			both := newObject()
			both.set("allOf", []any{beside, branch})
			branch = both
		}
		a, err := c.visit(branch, at, name+"-"+itoa(i))
		if isNever(err) {
			never = err
			continue
		}
		if err != nil {
			return "", err
		}
		alternatives = append(alternatives, a)
	}
	if len(alternatives) == 0 {
		return "", never
	}
	return either(alternatives), nil
}

// visitTypes writes an alternative for each type that is allowed.
func (c *converter) visitTypes(s *object, pointer, name string) (string, error) {
	types, err := c.types(s, pointer)
	if err != nil {
		return "", err
	}
	var alternatives []string
	var never error
	for _, t := range types {
		a, err := c.visitType(t, s, pointer, name)
		if isNever(err) {
			never = err
			continue
		}
		if err != nil {
			return "", err
		}
		alternatives = append(alternatives, a)
	}
	if len(alternatives) == 0 {
		return "", never
	}
	return either(alternatives), nil
}

func (c *converter) visitType(t string, s *object, pointer, name string) (string, error) {
	switch t {
	case "null":
		return `"null"`, nil
	case "boolean":
		return `("true" | "false")`, nil
	case "string":
		return c.visitString(s, pointer, name)
	case "integer", "number":
		return c.visitNumber(t == "integer", s, pointer, name)
	case "value":
		return c.common("value"), nil
	}
	// What an object or an array holds comes after a bracket, so references may come back here.
	outside := c.direct
	c.direct = map[string]bool{}
	defer func() { c.direct = outside }()
	if t == "array" {
		return c.visitArray(s, pointer, name)
	}
	return c.visitMembers(s, pointer, name)
}

// types returns the types that a schema names or, when it names none, those that its keywords are
// about; "value" stands for all.
func (c *converter) types(s *object, pointer string) ([]string, error) {
	if s.has("type") {
		types, err := typeList(s.values["type"], pointer)
		if err != nil {
			return nil, err
		}
		if len(types) == 0 {
			return nil, neverf(pointer, "no type is left")
		}
		return types, nil
	}
	about := map[string]bool{}
	for _, k := range s.keys {
		if t := keywordType[k]; t != "" {
			about[t] = true
		}
	}
	if len(about) == 0 {
		return []string{"value"}, nil
	}
	return slices.Sorted(maps.Keys(about)), nil
}

var knownTypes = []string{"null", "boolean", "object", "array", "string", "number", "integer"}

// typeList reads the value of "type": each type once, no integer beside number.
func typeList(v any, pointer string) ([]string, error) {
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	var types []string
	for _, item := range list {
		t, _ := item.(string)
		if !slices.Contains(knownTypes, t) {
			return nil, schemaErrorf(pointer, "%q must be a type or a list of types, found %s", "type", encodeJSON(item))
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	if slices.Contains(types, "number") {
		types = slices.DeleteFunc(types, func(t string) bool { return t == "integer" })
	}
	return types, nil
}
