// Command gen writes the passages of the texts in a folder, for core/calibrate to know them by.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/kakeyad/kakeyad/core/calibrate"
)

func main() {
	files, err := filepath.Glob(filepath.Join(os.Args[2], "*.txt"))
	if err != nil || len(files) == 0 {
		log.Fatalf("no text in %s: %v", os.Args[2], err)
	}
	var all []uint32
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, calibrate.Passages(string(text))...)
	}
	slices.Sort(all)
	out, err := json.Marshal(slices.Compact(all))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], append(out, '\n'), 0o644); err != nil {
		log.Fatal(err)
	}
}
