// Command dflash-kernels writes the AVX-512 kernels of plugins/speculative/dflash/kernel. It is a module of its own so that the
// generator is no dependency of the project. Run it by `go generate` in that package.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

// The generator's own flags (-out, -stubs, -pkg) are registered by avo's build package.
func main() {
	ConstraintExpr("!purego")
	for _, rows := range []int{8, 4, 1} {
		multiply(rows)
	}
	for _, rows := range []int{8, 4, 1} {
		scores(rows)
	}
	for _, rows := range []int{4, 1} {
		weigh(rows)
	}
	exponentials()
	gate()
	Generate()
}
