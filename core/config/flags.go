package config

import (
	"fmt"
	"strings"

	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// flags are the command-line flags that set a key.
var flags = []struct {
	name, key, usage string
}{
	{"listen", "listen", "serve HTTP on `HOST:PORT`"},
	{"models-dir", "models_dir", "`FOLDER` of model files"},
	{"data-dir", "data_dir", "`FOLDER` for what must outlive the daemon"},
	{"plugin-dir", "plugins.dir", "`FOLDER` of plugin binaries"},
	{"memory", "memory", "memory for loaded models: a `SIZE` such as 8GiB, a share such as 50%, or auto"},
	{"log-level", "log.level", "least important `LEVEL` that is logged: debug, info, warn or error"},
	{"log-format", "log.format", "`FORM` of the log: auto, text or json"},
}

// AddFlags adds the flags that set a key of the configuration. One that is not given leaves the
// key to the layers below.
func AddFlags(set *pflag.FlagSet) {
	for _, f := range flags {
		set.String(f.name, "", f.usage)
	}
}

// flagLayer reads those flags of the set that were given. Other flags are not looked at.
func flagLayer(set *pflag.FlagSet, base, home string) (layer, error) {
	k := koanf.New(delimiter)
	byKey := map[string]string{}
	if set != nil {
		keys := map[string]string{}
		for _, f := range flags {
			key := joinKey(strings.Split(f.key, "."))
			keys[f.name], byKey[key] = key, f.name
		}
		err := k.Load(posflag.ProviderWithFlag(set, delimiter, nil, func(f *pflag.Flag) (string, any) {
			return keys[f.Name], f.Value.String()
		}), nil)
		if err != nil {
			return layer{}, fmt.Errorf("read flags: %w", err)
		}
	}
	return layer{
		values: tidy(k.Raw(), base, home),
		locate: func(key []string, _ bool) (Problem, bool) {
			return Problem{Source: "flag --" + byKey[joinKey(key)], Key: key}, k.Exists(joinKey(key))
		},
	}, nil
}
