// Command asm writes the AVX2 kernels of e8codec. It is a module of its own so that the generator
// is no dependency of the project. Run it by `go generate` in the package whose kernels it writes:
//
//	asm -pkg lattice -out kernels_amd64.s -stubs stubs_amd64.go
//
// Every kernel does the float32 operations of its portable twin in the same order, and none that
// fuses two roundings into one.
package main

import (
	"flag"
	"log"

	"github.com/mmcloughlin/avo/build"
)

// The generator's own flags (-out, -stubs, -pkg) are registered by avo's build package.
func main() {
	kernels := map[string]func(){"lattice": latticeKernels, "entropy": entropyKernels, "half": halfKernels, "calibrated": calibratedKernels}
	set := flag.String("kernels", "", "which package's kernels to write: lattice, entropy, half or calibrated")
	flag.Parse()
	write, ok := kernels[*set]
	if !ok {
		log.Fatalf("-kernels %q: want lattice, entropy, half or calibrated", *set)
	}
	build.ConstraintExpr("!purego")
	write()
	build.Generate()
}
