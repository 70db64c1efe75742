package config

import "reflect"

// needRestart returns the keys that differ between two configurations and that a running daemon
// does not take over.
func needRestart(running, next *Config) []string {
	var keys []string
	var walk func(a, b reflect.Value, key []string, restart bool)
	walk = func(a, b reflect.Value, key []string, restart bool) {
		fields := fieldsOf(a.Type())
		if fields == nil {
			if restart && !reflect.DeepEqual(a.Interface(), b.Interface()) {
				keys = append(keys, KeyString(key))
			}
			return
		}
		for _, f := range fields {
			walk(a.FieldByIndex(f.index), b.FieldByIndex(f.index), extend(key, f.name), restart || f.restart)
		}
	}
	walk(reflect.ValueOf(*running), reflect.ValueOf(*next), nil, false)
	return keys
}
