// Command kakeya-drafter-dflash is the drafter plugin dflash: block diffusion from the target's hidden
// states.
package main

import (
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/plugins/speculative/dflash"
)

// version is set by the linker.
var version = "dev"

func main() { drafter.Serve(dflash.New(version), drafter.ServeOptions{}) }
