//go:build !amd64 || purego

package entropy

import "github.com/kakeyad/kakeyad/plugins/e8codec/lattice"

func packQuads(out *quads, z *[lattice.Tile]int16, q int32) { packQuadsGeneric(out, z, q) }

func unpackQuads(z *[lattice.Tile]int16, in *quads, q int32) { unpackQuadsGeneric(z, in, q) }

func energy(z *[lattice.Tile]int16) (sum uint64, peak int) { return energyPortable(z) }

func encodeParts(x *lanes, parts []part, w []byte, at int, raw []byte, _ *symbolsOfTurn) int {
	return encodePortable(x, parts, w, at, raw)
}

func decodeParts(x *lanes, parts []part, w []byte, at int, raw []byte) (int, error) {
	return decodePortable(x, parts, w, at, raw)
}
