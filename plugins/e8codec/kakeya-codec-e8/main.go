// Command kakeya-codec-e8 is the codec plugin e8: the KV cache as points of the lattice E8, or of
// another when the parameter variant says so.
package main

import (
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	e8codec "github.com/kakeyad/kakeyad/plugins/e8codec/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// version is set by the linker.
var version = "dev"

func main() { codec.Serve(e8codec.New(lattice.E8, version), codec.ServeOptions{}) }
