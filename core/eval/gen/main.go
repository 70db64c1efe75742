// Command gen writes the JSON schema of eval.Report to the file that it is given. Run it with
// go generate ./core/eval.
package main

import (
	"github.com/kakeyad/kakeyad/core/eval"
	"github.com/kakeyad/kakeyad/core/eval/reportschema"
)

func main() {
	reportschema.Main("github.com/kakeyad/kakeyad/core/eval", eval.Schema, &eval.Report{})
}
