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

// peakOfEnergy is the largest code whose squares energyAVX2 can add up.
const peakOfEnergy = 4095

func energy(z *[lattice.Tile]int16) (sum uint64, peak int) {
	if useAVX2 {
		if s, peak := energyAVX2(z); peak <= peakOfEnergy {
			return uint64(s), int(peak)
		}
	}
	return energyPortable(z)
}

// doable says whether the kernels can do the parts, and whether it takes those for learned distributions.
func doable(parts []part) (ok, learned bool) {
	for i := range parts {
		q := &parts[i]
		if !q.class.fast || q.peak > q.class.limit || !q.full && q.block != 8 {
			return false, false
		}
		learned = learned || !q.full || q.class.half != 0
	}
	return useAVX2 && len(parts) != 3, learned
}

// firstLanes are the lanes of tiles that have so many.
var firstLanes = func() (there [lanesOfTile + 1][lanesOfTile]int32) {
	for n := range there {
		for lane := range n {
			there[n][lane] = -1
		}
	}
	return there
}()

// In the calls below functions are named and not chosen first: only so is it known that they keep no pointer.

func encodeParts(x *lanes, parts []part, w []byte, at int, raw []byte, scratch *symbolsOfTurn) int {
	ok, learned := doable(parts)
	if !ok {
		return encodePortable(x, parts, w, at, raw)
	}
	var c [abreast]*uint64
	var t [abreast]*uint32
	var r [abreast]*byte
	var h [abreast]*int32
	for i := range parts {
		q := parts[i].class
		c[i], t[i], r[i], h[i] = &q.count[0], &q.encode[0][0].recip, &raw[0], &firstLanes[min(parts[i].blocks, lanesOfTile)][0]
		raw = raw[q.rawSize:]
	}
	s, b, g, n, z := &x[0], &w[at], &gatherLanes[0], &scratch[0], &parts[0].z[0]
	used := uint64(0)
	switch e8 := parts[0].block == 8; {
	case learned && len(parts) == 4:
		used = encode4LearnedAVX2(s, b, g, n, z, c[0], t[0], r[0], h[0], c[1], t[1], r[1], h[1], c[2], t[2], r[2], h[2], c[3], t[3], r[3], h[3])
	case learned && len(parts) == 2:
		used = encode2LearnedAVX2(s, b, g, n, z, c[0], t[0], r[0], h[0], c[1], t[1], r[1], h[1])
	case learned:
		used = encode1LearnedAVX2(s, b, g, n, z, c[0], t[0], r[0], h[0])
	case e8 && len(parts) == 4:
		used = encode4E8AVX2(s, b, g, n, z, c[0], t[0], r[0], c[1], t[1], r[1], c[2], t[2], r[2], c[3], t[3], r[3])
	case e8 && len(parts) == 2:
		used = encode2E8AVX2(s, b, g, n, z, c[0], t[0], r[0], c[1], t[1], r[1])
	case e8:
		used = encode1E8AVX2(s, b, g, n, z, c[0], t[0], r[0])
	case len(parts) == 4:
		used = encode4D4AVX2(s, b, g, n, z, c[0], t[0], r[0], c[1], t[1], r[1], c[2], t[2], r[2], c[3], t[3], r[3])
	case len(parts) == 2:
		used = encode2D4AVX2(s, b, g, n, z, c[0], t[0], r[0], c[1], t[1], r[1])
	default:
		used = encode1D4AVX2(s, b, g, n, z, c[0], t[0], r[0])
	}
	return at - int(used)
}

func decodeParts(x *lanes, parts []part, w []byte, at int, raw []byte) (int, error) {
	ok, learned := doable(parts)
	if !ok {
		return decodePortable(x, parts, w, at, raw)
	}
	var c [abreast]*uint64
	var t [abreast]*uint32
	var r [abreast]*byte
	var h [abreast]*int32
	for i := range parts {
		q := parts[i].class
		c[i], t[i], r[i], h[i] = &q.count[0], &q.decode[0][0], &raw[0], &firstLanes[min(parts[i].blocks, lanesOfTile)][0]
		raw = raw[q.rawSize:]
	}
	s, b, g, z := &x[0], &w[at], &spreadLanes[0], &parts[0].z[0]
	used, escapes := uint64(0), uint32(0)
	switch e8 := parts[0].block == 8; {
	case learned && len(parts) == 4:
		used, escapes = decode4LearnedAVX2(s, b, g, z, c[0], t[0], r[0], h[0], c[1], t[1], r[1], h[1], c[2], t[2], r[2], h[2], c[3], t[3], r[3], h[3])
	case learned && len(parts) == 2:
		used, escapes = decode2LearnedAVX2(s, b, g, z, c[0], t[0], r[0], h[0], c[1], t[1], r[1], h[1])
	case learned:
		used, escapes = decode1LearnedAVX2(s, b, g, z, c[0], t[0], r[0], h[0])
	case e8 && len(parts) == 4:
		used, escapes = decode4E8AVX2(s, b, g, z, c[0], t[0], r[0], c[1], t[1], r[1], c[2], t[2], r[2], c[3], t[3], r[3])
	case e8 && len(parts) == 2:
		used, escapes = decode2E8AVX2(s, b, g, z, c[0], t[0], r[0], c[1], t[1], r[1])
	case e8:
		used, escapes = decode1E8AVX2(s, b, g, z, c[0], t[0], r[0])
	case len(parts) == 4:
		used, escapes = decode4D4AVX2(s, b, g, z, c[0], t[0], r[0], c[1], t[1], r[1], c[2], t[2], r[2], c[3], t[3], r[3])
	case len(parts) == 2:
		used, escapes = decode2D4AVX2(s, b, g, z, c[0], t[0], r[0], c[1], t[1], r[1])
	default:
		used, escapes = decode1D4AVX2(s, b, g, z, c[0], t[0], r[0])
	}
	if escapes != 0 {
		for i := range parts {
			parts[i].findStrays()
		}
	}
	return at + int(used), nil
}
