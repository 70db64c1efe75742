// Package weights holds the trained drafters that come with the plugin: a folder each, with
// drafter.gguf and its card, README.md.
package weights

import (
	"embed"
	"io/fs"
	"path"
)

//go:embed smollm2-135m
var files embed.FS

// Drafter is a trained drafter.
type Drafter struct {
	Name string // of its folder
	GGUF []byte // not to be written to
}

// All are those that are built in.
func All() []Drafter {
	names, err := fs.Glob(files, "*/drafter.gguf")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	var out []Drafter
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			panic(err) // what is built in can be read
		}
		out = append(out, Drafter{Name: path.Dir(name), GGUF: raw})
	}
	return out
}
