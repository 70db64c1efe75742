// Package reportschema writes the JSON schemas of reports: core/eval's and core/compare's. It is for
// go generate.
package reportschema

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/invopop/jsonschema"
)

// Main writes the schema of report, a pointer to a struct of the package in the working directory, to
// the file that the program's first argument names.
func Main(pkg, title string, report any) {
	if err := write(os.Args[1], pkg, title, report); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write(file, pkg, title string, report any) error {
	r := &jsonschema.Reflector{}
	if err := r.AddGoComments(pkg, "."); err != nil {
		return fmt.Errorf("read comments: %w", err)
	}
	for name, comment := range r.CommentMap {
		r.CommentMap[name] = strings.Join(strings.Fields(comment), " ")
	}
	s := r.Reflect(report)
	s.ID = jsonschema.ID("https://" + pkg + "/schema.json")
	s.Title = title
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
