// Command gen writes the JSON schema of compare.Report to the file that it is given. Run it with
// go generate ./core/compare.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/kakeyad/kakeyad/core/compare"
)

const module = "github.com/kakeyad/kakeyad/core/compare"

func main() {
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write(file string) error {
	r := &jsonschema.Reflector{}
	if err := r.AddGoComments(module, "."); err != nil {
		return fmt.Errorf("read comments: %w", err)
	}
	for name, comment := range r.CommentMap {
		r.CommentMap[name] = strings.Join(strings.Fields(comment), " ")
	}
	s := r.Reflect(&compare.Report{})
	s.ID = "https://" + module + "/schema.json"
	s.Title = compare.Schema
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
