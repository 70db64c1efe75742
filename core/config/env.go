package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"

	"github.com/kakeyad/kakeyad/core/channel"
)

// envPrefix begins the names of the daemon's environment variables.
const envPrefix = "KAKEYAD_"

// envFile names the configuration file when no flag does.
const envFile = "KAKEYAD_CONFIG"

// delimiter joins the parts of a key inside koanf. Names of channels and models have dots, so it
// is a character that they cannot have.
const delimiter = "\x00"

// EnvName returns the environment variable of a key.
func EnvName(key []string) string {
	return envPrefix + strings.ToUpper(strings.Join(key, "__"))
}

// envLayer reads environment variables. A variable that is no key of ours is not an error, since
// others set some too (Kubernetes names the ports of a service kakeyad in KAKEYAD_PORT); it
// returns a notice for each.
func envLayer(environ []string, base, home string) (layer, []string, error) {
	known := map[string]leaf{}
	var names []string
	for _, l := range leaves() {
		known[EnvName(l.key)] = l
		names = append(names, EnvName(l.key))
	}
	var notices []string
	k := koanf.New(delimiter)
	err := k.Load(env.Provider(delimiter, env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			l, ok := known[name]
			if !ok {
				if name != envFile {
					notices = append(notices, unknownVariable(name, names))
				}
				return "", nil
			}
			if value == "" {
				return "", nil
			}
			return joinKey(l.key), scalar(l.typ, value)
		},
	}), nil)
	if err != nil {
		return layer{}, nil, fmt.Errorf("read environment variables: %w", err)
	}
	slices.Sort(notices)
	return layer{
		values: tidy(k.Raw(), base, home),
		locate: func(key []string, _ bool) (Problem, bool) {
			return Problem{Source: "environment variable " + EnvName(key), Key: key}, k.Exists(joinKey(key))
		},
	}, notices, nil
}

func unknownVariable(name string, names []string) string {
	text := "environment variable " + name + " sets nothing"
	squeezed := func(s string) string { return strings.ReplaceAll(s, "__", "_") }
	for _, n := range names {
		if squeezed(n) == squeezed(name) {
			return fmt.Sprintf("%s; did you mean %s?", text, n)
		}
	}
	if near := channel.Nearest(name, names); len(near) > 0 && len(near[0]) > len(envPrefix) && near[0][len(envPrefix)] == name[min(len(name)-1, len(envPrefix))] {
		return fmt.Sprintf("%s; did you mean %s?", text, near[0])
	}
	return text
}

// scalar reads a text as a value of the type, or leaves it text for the schema to refuse.
func scalar(t reflect.Type, text string) any {
	if isUnit(t) {
		return text
	}
	switch t.Kind() {
	case reflect.Bool:
		if v, err := strconv.ParseBool(text); err == nil {
			return v
		}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		if v, err := strconv.ParseInt(text, 10, 64); err == nil {
			return v
		}
	case reflect.Float32, reflect.Float64:
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			return v
		}
	}
	return text
}
