package config

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/kakeyad/kakeyad/core/channel"
)

//go:embed schema.json
var schemaJSON []byte

// Schema returns the JSON schema of a configuration file.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// compiled is the schema with our formats.
var compiled = sync.OnceValue(func() *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaJSON))
	if err != nil {
		panic("config: schema.json: " + err.Error()) // embedded, and tested
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for name, check := range formats {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: check})
	}
	if err := c.AddResource("config.json", doc); err != nil {
		panic("config: schema.json: " + err.Error())
	}
	return c.MustCompile("config.json")
})

// formats check values that are written in a form of ours.
var formats = map[string]func(any) error{
	"size":     parsed(ParseSize),
	"timespan": parsed(ParseDuration),
	"ttl":      parsed(ParseTTL),
	"memory":   parsed(ParseMemory),
	"percent":  parsed(ParsePercent),
	"hostport": func(v any) error {
		text, ok := v.(string)
		if !ok {
			return nil
		}
		_, port, err := net.SplitHostPort(text)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || strconv.FormatUint(n, 10) != port {
			return fmt.Errorf("%w: %q is no address; write host:port with a port from 0 to 65535, such as %s", errUnit, text, DefaultListen)
		}
		return nil
	},
}

// parsed makes a check of a parser. Whole numbers are read as their text.
func parsed[T any](parse func(string) (T, error)) func(any) error {
	return func(v any) error {
		switch v.(type) {
		case string, int, int64, uint64:
			_, err := parse(fmt.Sprint(v))
			return err
		}
		return nil
	}
}

// check returns what the schema finds wrong with a layer.
func (l layer) check() []Problem {
	// The validator knows the types of encoding/json only.
	text, err := json.Marshal(l.values)
	if err != nil {
		return []Problem{{Source: "configuration", Message: err.Error()}}
	}
	values, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return []Problem{{Source: "configuration", Message: err.Error()}}
	}
	var problems []Problem
	var failed *jsonschema.ValidationError
	errors.As(compiled().Validate(values), &failed)
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			problems = append(problems, l.explain(e)...)
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	if failed != nil {
		walk(failed)
	}
	return problems
}

// explain puts one finding of the validator into words.
func (l layer) explain(e *jsonschema.ValidationError) []Problem {
	key := slices.Clone(e.InstanceLocation)
	at := func(key []string, name bool, format string, args ...any) Problem {
		p, _ := l.locate(key, name)
		p.Message = fmt.Sprintf(format, args...)
		return p
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		var problems []Problem
		for _, name := range k.Properties {
			what := "unknown key" + hint(name, keysAt(key))
			if typeAt(key) == reflect.TypeFor[LogitBias]() {
				what = "no token id: that is a whole number from 0"
			}
			problems = append(problems, at(extend(key, name), true, "%s", what))
		}
		return problems
	case *kind.Required:
		var problems []Problem
		for _, name := range k.Missing {
			problems = append(problems, at(key, true, "the key %q is missing", name))
		}
		return problems
	case *kind.Type:
		if t := typeAt(key); t != nil && isUnit(t) {
			return []Problem{at(key, false, "expected %s, got %s", unitWords[t], l.got(key))}
		}
		return []Problem{at(key, false, "expected %s, got %s", article(k.Want), l.got(key))}
	case *kind.Enum:
		allowed := make([]string, len(k.Want))
		for i, v := range k.Want {
			allowed[i] = fmt.Sprint(v)
		}
		return []Problem{at(key, false, "%s is not allowed; it is one of %s%s", l.got(key), strings.Join(allowed, ", "), hint(fmt.Sprint(k.Got), allowed))}
	case *kind.Minimum:
		return []Problem{at(key, false, "%s is too small; it is at least %s", l.got(key), rat(k.Want))}
	case *kind.Maximum:
		return []Problem{at(key, false, "%s is too large; it is at most %s", l.got(key), rat(k.Want))}
	case *kind.MinLength:
		return []Problem{at(key, false, "it is empty")}
	case *kind.Format:
		return []Problem{at(key, false, "%s", strings.TrimPrefix(k.Err.Error(), errUnit.Error()+": "))}
	case *kind.Pattern:
		if slices.Contains(key, "sha256") {
			return []Problem{at(key, false, "%s is no SHA-256: that is 64 hexadecimal digits", l.got(key))}
		}
		return []Problem{at(key, false, "%s is no name: it has a-z, 0-9, \"_\" and \"-\", begins with a letter and ends with a letter or a digit", l.got(key))}
	}
	return []Problem{at(key, false, "%s", e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))}
}

// got describes a value as it was written.
func (l layer) got(key []string) string {
	var v any = l.values
	for _, k := range key {
		switch at := v.(type) {
		case map[string]any:
			v = at[k]
		case []any:
			i, err := strconv.Atoi(k)
			if err != nil || i >= len(at) {
				return "nothing"
			}
			v = at[i]
		}
	}
	switch v := v.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case string:
		if len(v) > 60 {
			v = v[:60] + "..."
		}
		return strconv.Quote(v)
	default:
		return fmt.Sprint(v)
	}
}

// unitWords say how values of our own forms are written.
var unitWords = map[reflect.Type]string{
	reflect.TypeFor[Size]():     "a size such as 32MiB",
	reflect.TypeFor[Duration](): "a time span such as 30s or 1h30m",
	reflect.TypeFor[TTL]():      "a time span such as 30m, or never",
	reflect.TypeFor[Memory]():   "a size such as 8GiB, a share such as 50%, or auto",
	reflect.TypeFor[Percent]():  "a share such as 10%",
}

func article(types []string) string {
	words := map[string]string{
		"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
		"object": "a map", "array": "a list", "null": "nothing",
	}
	said := make([]string, len(types))
	for i, t := range types {
		said[i] = words[t]
	}
	return strings.Join(said, " or ")
}

func rat(r *big.Rat) string { return strings.TrimSuffix(strings.TrimRight(r.FloatString(6), "0"), ".") }

func hint(name string, candidates []string) string {
	near := channel.Nearest(name, candidates)
	if len(near) == 0 {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", near[0])
}
