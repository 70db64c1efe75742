package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/config"
)

// sections are the tables of docs/config.md: a heading, and the type whose keys are listed.
var sections = []struct {
	key string
	typ reflect.Type
}{
	{"", reflect.TypeFor[config.Config]()},
	{"log", reflect.TypeFor[config.Log]()},
	{"server", reflect.TypeFor[config.Server]()},
	{"pool", reflect.TypeFor[config.Pool]()},
	{"sessions", reflect.TypeFor[config.Sessions]()},
	{"plugins", reflect.TypeFor[config.Plugins]()},
	{"plugins.list[]", reflect.TypeFor[config.Plugin]()},
	{"plugins.health", reflect.TypeFor[config.Health]()},
	{"plugins.restart", reflect.TypeFor[config.Restart]()},
	{"models.<short>", reflect.TypeFor[config.Model]()},
	{"defaults", reflect.TypeFor[config.Defaults]()},
	{"channels.<name>", reflect.TypeFor[config.Channel]()},
	{"ab", reflect.TypeFor[config.AB]()},
	{"codec", reflect.TypeFor[config.Codec]()},
	{"cache", reflect.TypeFor[config.Cache]()},
	{"drafter", reflect.TypeFor[config.Drafter]()},
	{"sampling", reflect.TypeFor[config.Sampling]()},
	{"limits", reflect.TypeFor[config.Limits]()},
	{"load", reflect.TypeFor[config.LoadOptions]()},
}

// keyTables prints a table for each section.
func keyTables(s *jsonschema.Schema) string {
	var b strings.Builder
	for _, section := range sections {
		if section.key == "" {
			b.WriteString("\n### Top level\n\n")
		} else {
			fmt.Fprintf(&b, "\n### `%s`\n\n", section.key)
		}
		def := s.Definitions[section.typ.Name()]
		b.WriteString("| key | value | default | meaning |\n|---|---|---|---|\n")
		for p := def.Properties.Oldest(); p != nil; p = p.Next() {
			name := "`" + p.Key + "`"
			if slices.Contains(def.Required, p.Key) {
				name += " (required)"
			}
			if needsRestart(section.key, section.typ, p.Key) {
				name += " †"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, kindOf(p.Value), defaultOf(p.Value), strings.ReplaceAll(p.Value.Description, "<", `\<`))
		}
	}
	return b.String()
}

// needsRestart says whether a running daemon does not take a change of the key over.
func needsRestart(section string, t reflect.Type, key string) bool {
	top, _, _ := strings.Cut(strings.TrimSuffix(section, "[]"), ".")
	if f, ok := byKey(reflect.TypeFor[config.Config](), top); ok && f.Tag.Get("reload") == "restart" {
		return true
	}
	f, ok := byKey(t, key)
	return ok && f.Tag.Get("reload") == "restart"
}

func byKey(t reflect.Type, key string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// kindOf says what a value may be.
func kindOf(s *jsonschema.Schema) string {
	switch {
	case s.Ref != "":
		return "map"
	case len(s.Enum) > 0:
		words := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			words[i] = fmt.Sprintf("`%v`", v)
		}
		return strings.Join(words, ", ")
	case s.Format == "timespan":
		return "time span"
	case s.Format == "ttl":
		return "time span or `never`"
	case s.Format == "size":
		return "size"
	case s.Format == "memory":
		return "size, share or `auto`"
	case s.Format == "percent":
		return "share"
	case s.Format == "hostport":
		return "host:port"
	case s.Type == "object":
		return "map"
	case s.Type == "array":
		return "list"
	case s.Type == "boolean":
		return "true or false"
	case s.Type == "string":
		return "text"
	}
	kind := "number"
	if s.Type == "integer" {
		kind = "whole number"
	}
	switch {
	case s.Minimum != "" && s.Maximum != "":
		return fmt.Sprintf("%s, %s to %s", kind, s.Minimum, s.Maximum)
	case s.Minimum != "":
		return fmt.Sprintf("%s, at least %s", kind, s.Minimum)
	}
	return kind
}

func defaultOf(s *jsonschema.Schema) string {
	if s.Default == nil {
		return ""
	}
	text, err := json.Marshal(s.Default)
	if err != nil {
		return ""
	}
	return "`" + strings.Trim(string(text), `"`) + "`"
}

// profileTable prints the registry of core/channel.
func profileTable() string {
	var b strings.Builder
	b.WriteString("\n| profile | short name | architecture | head_dim | layers | backends | default | ranges | boundary |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, p := range channel.Profiles() {
		layers := "not stated"
		if p.Layers > 0 {
			layers = fmt.Sprint(p.Layers)
		}
		backends := "none yet"
		if len(p.Backends) > 0 {
			backends = strings.Join(p.Backends, ", ")
		}
		var ranges []string
		for _, q := range p.Q {
			text := fmt.Sprintf("q%d", q)
			if channel.Advanced(q) {
				text += " (advanced)"
			}
			ranges = append(ranges, text)
		}
		boundary := fmt.Sprint(p.Boundary.Default)
		switch {
		case p.Boundary.Explicit:
			boundary = fmt.Sprintf("must be said, at least %d", p.Boundary.Least)
		case p.Boundary.Default > 0:
			boundary += " unless said"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %d | %s | %s | `%s` | %s | %s |\n", p.Name, p.Short,
			strings.Join(p.Architectures, ", "), p.HeadDim, layers, backends, p.Default, strings.Join(ranges, ", "), boundary)
	}
	return b.String()
}

// splice puts text between the marks of a generated part of a page.
func splice(page []byte, part, text string) ([]byte, error) {
	begin, end := fmt.Appendf(nil, "<!-- generated: %s -->\n", part), []byte("\n<!-- end -->")
	i := bytes.Index(page, begin)
	if i < 0 {
		return nil, fmt.Errorf("the page has no line %q", begin)
	}
	j := bytes.Index(page[i:], end)
	if j < 0 {
		return nil, fmt.Errorf("the part %q has no end", part)
	}
	return slices.Concat(page[:i+len(begin)], []byte(text), page[i+j:]), nil
}
