package config

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/maps"
)

// inherited are the keys of defaults that every channel starts from, key by key.
var inherited = []string{"sampling", "limits", "load", "cache"}

// inherit lays each channel over the defaults.
func inherit(values map[string]any) {
	from, _ := values["defaults"].(map[string]any)
	channels, _ := values["channels"].(map[string]any)
	for name, c := range channels {
		merged := map[string]any{}
		for _, key := range inherited {
			if v, ok := from[key].(map[string]any); ok {
				merged[key] = maps.Copy(v)
			}
		}
		if own, ok := c.(map[string]any); ok {
			maps.Merge(own, merged)
		}
		channels[name] = merged
	}
}

// asMap turns a configuration into the values that a file would have.
func asMap(c Config) (map[string]any, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("print the defaults: %w", err)
	}
	var values map[string]any
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("read the defaults: %w", err)
	}
	return values, nil
}

// decode fills a configuration from values that the schema has accepted.
func decode(values map[string]any, cfg *Config) error {
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: cfg, TagName: "json", ErrorUnused: true, MatchName: func(a, b string) bool { return a == b },
		DecodeHook: mapstructure.ComposeDecodeHookFunc(unit(ParseSize), unit(ParseDuration), unit(ParseTTL), unit(ParseMemory), unit(ParsePercent)),
	})
	if err != nil {
		return fmt.Errorf("decode the configuration: %w", err)
	}
	if err := d.Decode(values); err != nil {
		return fmt.Errorf("decode the configuration: %w", err)
	}
	return nil
}

// unit makes a hook of a parser.
func unit[T any](parse func(string) (T, error)) mapstructure.DecodeHookFuncType {
	return func(_, to reflect.Type, v any) (any, error) {
		if to != reflect.TypeFor[T]() {
			return v, nil
		}
		if _, done := v.(T); done {
			return v, nil
		}
		return parse(fmt.Sprint(v))
	}
}
