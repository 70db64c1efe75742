// Command kakeya-drafter-ngram is the drafter plugin ngram: what followed the last words before.
package main

import (
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/plugins/speculative/ngram"
)

// version is set by the linker.
var version = "dev"

func main() { drafter.Serve(ngram.New(version), drafter.ServeOptions{}) }
