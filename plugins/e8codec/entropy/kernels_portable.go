//go:build !amd64 || purego

package entropy

import "github.com/kakeyad/kakeyad/plugins/e8codec/lattice"

func packQuads(out *quads, z *[lattice.Tile]int16, q int32) { packQuadsGeneric(out, z, q) }

func unpackQuads(z *[lattice.Tile]int16, in *quads, q int32) { unpackQuadsGeneric(z, in, q) }
