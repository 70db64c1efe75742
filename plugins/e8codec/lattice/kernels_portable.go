//go:build !amd64 || purego

package lattice

func butterfly(dst, src []float32)                               { butterflyGeneric(dst, src) }
func tileForward(y, x *[Tile]float32)                            { tileForwardGeneric(y, x) }
func tileInverse(x *[Tile]float32, z *[Tile]int16, step float32) { tileInverseGeneric(x, z, step) }
func maxAbsBits(x []float32) uint32                              { return maxAbsBitsGeneric(x) }
func nearestE8(z *[Tile]int16, y *[Tile]float32, inv, limit, q float32) {
	nearestE8Generic(z, y, inv, limit, q)
}
func nearestD4(z *[Tile]int16, y *[Tile]float32, inv, limit float32) {
	nearestD4Generic(z, y, inv, limit)
}
