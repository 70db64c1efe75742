//go:build !purego

package lattice

import "golang.org/x/sys/cpu"

//go:generate go -C ../asm run . -kernels lattice -pkg lattice -out ../lattice/kernels_amd64.s -stubs ../lattice/stubs_amd64.go

var useAVX2 = cpu.X86.HasAVX2

func butterfly(dst, src []float32) {
	half := len(src) / 2
	if useAVX2 && half > 0 && half%8 == 0 {
		_ = dst[len(src)-1]
		butterflyAVX2(&dst[0], &src[0], half)
		return
	}
	butterflyGeneric(dst, src)
}

func tileForward(y, x *[Tile]float32) {
	if useAVX2 {
		tileForwardAVX2(y, x)
		return
	}
	tileForwardGeneric(y, x)
}

func tileInverse(x *[Tile]float32, z *[Tile]int16, step float32) {
	if useAVX2 {
		tileInverseAVX2(x, z, step)
		return
	}
	tileInverseGeneric(x, z, step)
}

func maxAbsBits(x []float32) uint32 {
	n := len(x) &^ 7
	if !useAVX2 || n == 0 {
		return maxAbsBitsGeneric(x)
	}
	return max(maxAbsBitsAVX2(&x[0], n), maxAbsBitsGeneric(x[n:]))
}

func nearestE8(z *[Tile]int16, y *[Tile]float32, inv, limit, q float32) {
	if useAVX2 {
		nearestE8AVX2(z, y, inv, limit, q)
		return
	}
	nearestE8Generic(z, y, inv, limit, q)
}

func nearestD4(z *[Tile]int16, y *[Tile]float32, inv, limit float32) {
	if useAVX2 {
		nearestD4AVX2(z, y, inv, limit)
		return
	}
	nearestD4Generic(z, y, inv, limit)
}
