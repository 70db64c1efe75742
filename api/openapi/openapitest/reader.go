package openapitest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const address = "mem:///openapi.json"

// reader finds things in the description and compiles its schemas.
type reader struct {
	document any
	compiler *jsonschema.Compiler
}

// newReader reads the description from JSON. closed: objects have no fields but those that are named.
func newReader(raw []byte, closed bool) (*reader, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	if closed {
		closeObjects(document)
	}
	r := &reader{document: document, compiler: jsonschema.NewCompiler()}
	r.compiler.DefaultDraft(jsonschema.Draft2020)
	r.compiler.AssertFormat()
	r.compiler.AssertContent()
	return r, r.compiler.AddResource(address, document)
}

// closeObjects forbids what object schemas do not name, where they do not say whether it may be.
func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		_, names := v["properties"].(map[string]any)
		_, says := v["additionalProperties"]
		if names && !says {
			v["additionalProperties"] = false
		}
		for _, child := range v {
			closeObjects(child)
		}
	case []any:
		for _, child := range v {
			closeObjects(child)
		}
	}
}

// resolve finds a value and its path, following references on the way.
func (r *reader) resolve(path ...string) (any, []string, bool) {
	here, at := r.document, []string{}
	for _, key := range path {
		object, ok := here.(map[string]any)
		if !ok {
			return nil, nil, false
		}
		if here, ok = object[key]; !ok {
			return nil, nil, false
		}
		at = append(at, key)
		for key != "schema" && key != "x-data-schema" {
			object, _ := here.(map[string]any)
			reference, ok := object["$ref"].(string)
			if !ok {
				break
			}
			at = strings.Split(strings.TrimPrefix(reference, "#/"), "/")
			if here, _, ok = r.resolve(at...); !ok {
				return nil, nil, false
			}
		}
	}
	return here, at, true
}

func (r *reader) at(path ...string) (any, bool) {
	v, _, ok := r.resolve(path...)
	return v, ok
}

func (r *reader) object(path ...string) map[string]any {
	v, _ := r.at(path...)
	object, _ := v.(map[string]any)
	return object
}

// compile compiles the schema at a path.
func (r *reader) compile(path ...string) (*jsonschema.Schema, error) {
	_, at, ok := r.resolve(path...)
	if !ok {
		return nil, fmt.Errorf("there is no %s", strings.Join(path, " "))
	}
	at = slices.Clone(at)
	for i, key := range at {
		at[i] = strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(key)
	}
	return r.compiler.Compile(address + "#/" + strings.Join(at, "/"))
}
