// Command kakeya-codec-d4 is the codec plugin d4: the KV cache as points of the lattice D4, or of
// another when the parameter variant says so.
package main

import (
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	e8codec "github.com/kakeyad/kakeyad/plugins/e8codec/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// version is set by the linker.
var version = "dev"

func main() { codec.Serve(e8codec.New(lattice.D4, version), codec.ServeOptions{}) }
