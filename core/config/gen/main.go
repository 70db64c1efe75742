// Command gen writes what is made from the Go source of core/config and core/channel: the JSON
// schema of the configuration file, the tables of docs/config.md and the profiles of
// docs/channels.md. Run it with go generate ./core/config.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	files, err := generate(".")
	if err == nil {
		for name, text := range files {
			if err = os.WriteFile(name, text, 0o644); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate returns what the generated files should hold, by path. dir is the folder of
// core/config.
func generate(dir string) (map[string][]byte, error) {
	s, err := schema(dir)
	if err != nil {
		return nil, err
	}
	text, err := marshal(s)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{filepath.Join(dir, "schema.json"): text}
	for _, page := range []struct{ name, part, text string }{
		{"config.md", "keys", keyTables(s)},
		{"channels.md", "profiles", profileTable()},
	} {
		name := filepath.Join(dir, "..", "..", "docs", page.name)
		before, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if files[name], err = splice(before, page.part, page.text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}
