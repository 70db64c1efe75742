package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
)

// field is a key of a struct of the configuration.
type field struct {
	name    string
	typ     reflect.Type
	index   []int
	path    bool // holds a file name
	restart bool // a running daemon does not take a change over
}

// fieldsOf returns the keys of a struct type, in order of declaration; nil for other types.
func fieldsOf(t reflect.Type) []field {
	if t = deref(t); t.Kind() != reflect.Struct || isUnit(t) {
		return nil
	}
	var fields []field
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields = append(fields, field{
			name: name, typ: f.Type, index: f.Index,
			path:    f.Tag.Get("path") == "true",
			restart: f.Tag.Get("reload") == "restart",
		})
	}
	return fields
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// isUnit says whether a type is written as one value, whatever it is made of.
func isUnit(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[Size](), reflect.TypeFor[Duration](), reflect.TypeFor[TTL](), reflect.TypeFor[Memory](), reflect.TypeFor[Percent]():
		return true
	}
	return false
}

// leaf is a key that has one value and a fixed name, so that a variable or a flag can set it.
type leaf struct {
	key     []string
	typ     reflect.Type
	restart bool
}

// leaves returns them in order of declaration.
func leaves() []leaf {
	var all []leaf
	var walk func(t reflect.Type, key []string, restart bool)
	walk = func(t reflect.Type, key []string, restart bool) {
		for _, f := range fieldsOf(t) {
			key := append(key[:len(key):len(key)], f.name)
			switch t := deref(f.typ); {
			case isUnit(t), t.Kind() != reflect.Struct && t.Kind() != reflect.Map && t.Kind() != reflect.Slice:
				all = append(all, leaf{key: key, typ: t, restart: restart || f.restart})
			case t.Kind() == reflect.Struct:
				walk(t, key, restart || f.restart)
			}
		}
	}
	walk(reflect.TypeFor[Config](), nil, false)
	return all
}

// keysAt returns the keys that may stand below a key; nil when they are free or there are none.
func keysAt(key []string) []string {
	t := typeAt(key)
	if t == nil {
		return nil
	}
	var names []string
	for _, f := range fieldsOf(t) {
		names = append(names, f.name)
	}
	return names
}

// typeAt returns the type of a key's value; nil when there is no such key.
func typeAt(key []string) reflect.Type {
	t := reflect.TypeFor[Config]()
	for _, k := range key {
		t = deref(t)
		switch {
		case t.Kind() == reflect.Map, t.Kind() == reflect.Slice:
			t = t.Elem()
		default:
			at := t
			t = nil
			for _, f := range fieldsOf(at) {
				if f.name == k {
					t = f.typ
				}
			}
		}
		if t == nil {
			return nil
		}
	}
	return deref(t)
}

// tidy makes a layer's values fit to be checked and merged: keys without a value are left out, or
// empty where they stand for something with keys of its own; scalars are text where text is
// wanted from anything; file names are absolute. What does not fit is left as it is, for the
// schema to refuse.
func tidy(values map[string]any, base, home string) map[string]any {
	tidied, _ := tidyValue(reflect.TypeFor[Config](), values, func(path string) string { return absolute(path, base, home) })
	return tidied.(map[string]any)
}

func tidyValue(t reflect.Type, v any, abs func(string) string) (tidied any, keep bool) {
	t = deref(t)
	hasKeys := t.Kind() == reflect.Map || t.Kind() == reflect.Struct && !isUnit(t)
	if v == nil {
		if hasKeys {
			return map[string]any{}, true
		}
		return nil, false
	}
	switch v := v.(type) {
	case map[string]any:
		return tidyMap(t, v, abs), true
	case []any:
		if t.Kind() == reflect.Slice {
			for i := range v {
				if x, ok := tidyValue(t.Elem(), v[i], abs); ok {
					v[i] = x
				}
			}
		}
	}
	return v, true
}

func tidyMap(t reflect.Type, m map[string]any, abs func(string) string) map[string]any {
	out := make(map[string]any, len(m))
	if t.Kind() == reflect.Map {
		for k, v := range m {
			switch x, ok := tidyValue(t.Elem(), v, abs); {
			case !ok:
			case t.Elem().Kind() == reflect.String && isNumberOrBool(x):
				out[k] = fmt.Sprint(x)
			default:
				out[k] = x
			}
		}
		return out
	}
	types := map[string]field{}
	for _, f := range fieldsOf(t) {
		types[f.name] = f
	}
	for k, v := range m {
		f, known := types[k]
		if !known {
			out[k] = v
			continue
		}
		x, ok := tidyValue(f.typ, v, abs)
		if text, isText := x.(string); isText && f.path && text != "" {
			x = abs(text)
		}
		if ok {
			out[k] = x
		}
	}
	return out
}

func isNumberOrBool(v any) bool {
	switch v.(type) {
	case bool, int, int64, uint64, float64:
		return true
	}
	return false
}

// absolute resolves a file name against a folder; "~/" is the home folder.
func absolute(path, base, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		return filepath.Join(home, rest)
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}
