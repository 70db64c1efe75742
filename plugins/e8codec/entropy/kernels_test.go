//go:build amd64 && !purego

package entropy

import (
	"math/rand/v2"
	"testing"

	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

func TestKernelsEqualThePortableOnes(t *testing.T) {
	if !useAVX2 {
		t.Skip("this processor has no AVX2")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		q := int32(1 + rng.IntN(maxFastQ))
		var in, a, b quads
		for i := range in.hi {
			half := rng.Uint32N(2)
			base := 2*uint32(q) + 1 - half
			in.half[i] = -int32(half)
			in.hi[i], in.lo[i] = rng.Uint32N(base*base*base*base), rng.Uint32N(base*base*base*base)
			switch rng.IntN(8) { // the ends of the range, and of digits
			case 0:
				in.hi[i] = base*base*base*base - 1
			case 1:
				in.lo[i] -= in.lo[i] % (base * base)
			case 2:
				in.lo[i] += base*base - 1 - in.lo[i]%(base*base)
			}
		}
		var za, zb [lattice.Tile]int16
		unpackQuadsAVX2(&za, &in.hi[0], q)
		unpackQuadsGeneric(&zb, &in, q)
		if za != zb {
			t.Fatalf("q %d: %v\nunpacks to %v\nportably %v", q, in, za, zb)
		}
		packQuadsAVX2(&a.hi[0], &za, q)
		packQuadsGeneric(&b, &za, q)
		if a != b {
			t.Fatalf("q %d: %v\npacks to %v\nportably %v", q, za, a, b)
		}
	}
}
