package entropy

import "github.com/kakeyad/kakeyad/plugins/e8codec/lattice"

// packQuadsGeneric computes the quads of a tile whose points lie in the box [-q, q].
func packQuadsGeneric(out *quads, z *[lattice.Tile]int16, q int32) {
	for b := range 8 {
		half := int32(z[b] & 1)
		base := 2*q + 1 - half
		var quad [2]int32
		for j := range 8 {
			quad[j>>2] = quad[j>>2]*base + int32(z[8*j+b]>>1) + q
		}
		out.hi[b], out.lo[b], out.half[b] = uint32(quad[0]), uint32(quad[1]), -half
	}
}

// unpackQuadsGeneric is the way back. Where the digits of a group have an odd sum it adds one to
// the last, whose parity a number leaves out. Quads are below (2q+1)⁴, in halves below (2q)⁴.
func unpackQuadsGeneric(z *[lattice.Tile]int16, in *quads, q int32) {
	for b := range 8 {
		half := -in.half[b]
		base := uint32(2*q + 1 - half)
		var odd int32
		for k, quad := range [2]uint32{in.hi[b], in.lo[b]} {
			for j := 3; j >= 0; j-- {
				digit := int32(quad % base)
				quad /= base
				odd ^= digit
				z[32*k+8*j+b] = int16((digit-q)<<1 + half)
			}
		}
		z[56+b] += int16(odd&1) << 1
	}
}
