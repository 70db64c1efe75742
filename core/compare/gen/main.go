// Command gen writes the JSON schema of compare.Report to the file that it is given. Run it with
// go generate ./core/compare.
package main

import (
	"github.com/kakeyad/kakeyad/core/compare"
	"github.com/kakeyad/kakeyad/core/eval/reportschema"
)

func main() {
	reportschema.Main("github.com/kakeyad/kakeyad/core/compare", compare.Schema, &compare.Report{})
}
