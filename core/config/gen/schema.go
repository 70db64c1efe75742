package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/kakeyad/kakeyad/core/config"
)

const module = "github.com/kakeyad/kakeyad/core/config"

// schemaID is the name of the schema for editors.
const schemaID = "https://github.com/kakeyad/kakeyad/core/config/schema.json"

// units are the types that are written as one value, with the format that checks them.
var units = map[reflect.Type]jsonschema.Schema{
	reflect.TypeFor[config.Size]():     {Format: "size", Examples: []any{"32MiB"}, Extras: stringOrInteger},
	reflect.TypeFor[config.Duration](): {Type: "string", Format: "timespan", Examples: []any{"30s"}},
	reflect.TypeFor[config.TTL]():      {Type: "string", Format: "ttl", Examples: []any{"30m", "never"}},
	reflect.TypeFor[config.Memory]():   {Format: "memory", Examples: []any{"8GiB", "50%", "auto"}, Extras: stringOrInteger},
	reflect.TypeFor[config.Percent]():  {Type: "string", Format: "percent", Examples: []any{"10%"}},
	reflect.TypeFor[config.LogitBias](): {
		Type: "object",
		PatternProperties: map[string]*jsonschema.Schema{
			"^(0|[1-9][0-9]{0,8})$": {Type: "number", Minimum: "-100", Maximum: "100"},
		},
		AdditionalProperties: jsonschema.FalseSchema,
	},
}

var stringOrInteger = map[string]any{"type": []string{"string", "integer"}}

// schema makes the JSON schema of a configuration file out of config.Config. dir is the folder of
// that package's source, whose comments are the descriptions.
func schema(dir string) (*jsonschema.Schema, error) {
	r := &jsonschema.Reflector{
		RequiredFromJSONSchemaTags: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if s, ok := units[t]; ok {
				return &s
			}
			return nil
		},
	}
	if err := r.AddGoComments(module, dir); err != nil {
		return nil, fmt.Errorf("read comments: %w", err)
	}
	// Comments are found by the folder that they were read from.
	for name, comment := range r.CommentMap {
		delete(r.CommentMap, name)
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			name = name[i+1:]
		}
		if _, after, ok := strings.Cut(name, "."); ok {
			name = after
		}
		r.CommentMap[module+"."+name] = strings.Join(strings.Fields(comment), " ")
	}
	s := r.Reflect(&config.Config{})
	s.ID = jsonschema.ID(schemaID)
	s.Title = "kakeyad configuration"
	for _, def := range s.Definitions {
		for p := def.Properties.Oldest(); p != nil; p = p.Next() {
			if slices.Contains(free, p.Key) {
				p.Value.AdditionalProperties = &jsonschema.Schema{Extras: map[string]any{"type": []string{"string", "number", "boolean"}}}
			}
		}
	}
	return s, setDefaults(s)
}

// free are the maps of texts that may be written as numbers and truth values too.
var free = []string{"params", "extra", "env"}

// setDefaults writes the defaults into the schema, for editors and for the tables.
func setDefaults(s *jsonschema.Schema) error {
	text, err := json.Marshal(config.Default())
	if err != nil {
		return fmt.Errorf("print the defaults: %w", err)
	}
	var values map[string]any
	if err := json.Unmarshal(text, &values); err != nil {
		return fmt.Errorf("read the defaults: %w", err)
	}
	var set func(def *jsonschema.Schema, values map[string]any)
	set = func(def *jsonschema.Schema, values map[string]any) {
		for p := def.Properties.Oldest(); p != nil; p = p.Next() {
			switch v := values[p.Key].(type) {
			case nil:
			case map[string]any:
				// Sampling stands below defaults and below each channel; its defaults are those
				// of the first, and are right for both.
				if name, ok := strings.CutPrefix(p.Value.Ref, "#/$defs/"); ok {
					set(s.Definitions[name], v)
				}
			default:
				p.Value.Default = v
			}
		}
	}
	set(s.Definitions["Config"], values)
	return nil
}

// marshal prints a schema, indented.
func marshal(s *jsonschema.Schema) ([]byte, error) {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("print the schema: %w", err)
	}
	return append(text, '\n'), nil
}
