//go:build !purego

package entropy

import (
	"golang.org/x/sys/cpu"

	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

//go:generate go -C ../asm run . -kernels entropy -pkg entropy -out ../entropy/kernels_amd64.s -stubs ../entropy/stubs_amd64.go

var useAVX2 = cpu.X86.HasAVX2

func packQuads(out *quads, z *[lattice.Tile]int16, q int32) {
	if useAVX2 {
		packQuadsAVX2(&out.hi[0], z, q)
		return
	}
	packQuadsGeneric(out, z, q)
}

func unpackQuads(z *[lattice.Tile]int16, in *quads, q int32) {
	if useAVX2 {
		unpackQuadsAVX2(z, &in.hi[0], q)
		return
	}
	unpackQuadsGeneric(z, in, q)
}
