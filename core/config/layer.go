package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// layer is one source of values.
type layer struct {
	values map[string]any
	// locate returns where a key is set; ok is false when the layer does not set it. For a key
	// that is an unknown one, or whose own name is at fault, name is true.
	locate func(key []string, name bool) (p Problem, ok bool)
}

// fileLayer reads a YAML file. shown is its name in errors.
func fileLayer(shown string, data []byte, base, home string) (layer, error) {
	doc, err := parseYAML(data)
	if err != nil {
		var at *fileError
		if !errors.As(err, &at) {
			return layer{}, err
		}
		return layer{}, &Error{Problems: []Problem{{Source: shown, Line: at.place.line, Column: at.place.column, Key: at.key, Message: at.message}}}
	}
	return layer{
		values: tidy(doc.values, base, home),
		locate: func(key []string, name bool) (Problem, bool) {
			// The longest part of the key that the file has: the name of what is at fault, or
			// its value when it is the whole of it.
			for n := len(key); n > 0; n-- {
				at, ok := doc.at[joinKey(key[:n])]
				if k, has := doc.keys[joinKey(key[:n])]; has && (name || n < len(key) || !ok) {
					at, ok = k, true
				}
				if ok {
					return Problem{Source: shown, Line: at.line, Column: at.column, Key: key}, true
				}
			}
			return Problem{Source: shown, Key: key}, false
		},
	}, nil
}

// readFile reads a configuration file, its errors in the words of Error.
func readFile(path, shown string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		return data, nil
	}
	message := err.Error()
	var at *fs.PathError
	if errors.As(err, &at) {
		message = fmt.Sprintf("cannot be read: %v", at.Err)
	}
	return nil, &Error{Problems: []Problem{{Source: shown, Message: message}}}
}

// shownName is how a file is called in errors: relative to the working folder where that is
// shorter and does not lead out of it.
func shownName(path, workDir string) string {
	if rel, err := filepath.Rel(workDir, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}
