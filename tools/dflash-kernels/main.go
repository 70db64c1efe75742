// Command dflash-kernels writes the AVX-512 kernels of plugins/speculative/dflash/kernel. It is a module of its own so that the
// generator is no dependency of the project. Run it by `go generate` in that package.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

// most is how many vectors a kernel takes at once.
const most = 8

// The generator's own flags (-out, -stubs, -pkg) are registered by avo's build package.
func main() {
	ConstraintExpr("!purego")
	for n := 1; n <= most; n++ {
		multiply(n)
		scores(n)
	}
	for n := 1; n <= most/2; n++ {
		weigh(n)
	}
	peak()
	exponentials()
	gate()
	Generate()
}
