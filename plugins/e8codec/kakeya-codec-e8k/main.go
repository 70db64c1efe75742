// Command kakeya-codec-e8k is the codec plugin e8k: the KV cache as points of the lattice E8, in coordinates
// that were learned of the model.
package main

import (
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/e8k"
)

// version is set by the linker.
var version = "dev"

func main() { codec.Serve(e8k.New(version), codec.ServeOptions{}) }
