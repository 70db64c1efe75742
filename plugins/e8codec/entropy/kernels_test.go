//go:build amd64 && !purego

package entropy

import (
	"bytes"
	"math/rand/v2"
	"slices"
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

// TestLanesEqualThePortableOnes packs and reads streams of every length class and of codes of many widths with the
// kernels and without: the bytes are the same, and so is what is read.
func TestLanesEqualThePortableOnes(t *testing.T) {
	if !useAVX2 {
		t.Skip("this processor has no AVX2")
	}
	defer func() { useAVX2 = true }()
	for _, v := range []lattice.Variant{lattice.E8, lattice.D4} {
		for _, q := range []int{1, 4, 10, 38, 152, 255} {
			for _, n := range []int{1, 7, 63, 65, 130, 515} {
				p := lattice.Params{Variant: v, Q: q, Dim: 64}
				_, c := quantised(t, p, n, uint64(q*n))
				for i := 5; i < len(c.Z); i += 997 { // an even number, so that points stay points
					c.Z[i] += int16(4 * (i % 300))
				}
				g := NewPages(p, 1)
				pack := func(fast bool) []byte {
					useAVX2 = fast
					return g.Encode(nil, c.Z, c.Side, whole(c.Side), new(Encoder))
				}
				a, b := pack(true), pack(false)
				if !bytes.Equal(a, b) {
					t.Fatalf("%s, %d vectors: %d bytes, portably %d others", name(p), n, len(a), len(b))
				}
				for _, fast := range []bool{true, false} {
					useAVX2 = fast
					z, side := make([]int16, len(c.Z)), make([]uint32, n)
					if err := g.Decode(z, side, whole(side), a, new(Decoder)); err != nil || !slices.Equal(z, c.Z) || !slices.Equal(side, c.Side) {
						t.Fatalf("%s, %d vectors, kernels %v: came back otherwise: %v", name(p), n, fast, err)
					}
				}
			}
		}
	}
}

// TestLearnedLanesEqualThePortableOnes does so with blocks of learned distributions, tiles of few lanes among them.
func TestLearnedLanesEqualThePortableOnes(t *testing.T) {
	if !useAVX2 {
		t.Skip("this processor has no AVX2")
	}
	defer func() { useAVX2 = true }()
	rng := rand.New(rand.NewPCG(6, 6))
	for _, n := range []int{1, 2, 3, 64, 65, 130, 511, 512, 515, 2000} {
		s := makeBlocks(t, rng, n)
		useAVX2 = true
		a := s.encode(new(Encoder))
		useAVX2 = false
		if b := s.encode(new(Encoder)); !bytes.Equal(a, b) {
			t.Fatalf("%d tiles: %d bytes, portably %d others", n, len(a), len(b))
		}
		for _, fast := range []bool{true, false} {
			useAVX2 = fast
			if _, z, err := s.decode(a, new(Decoder)); err != nil || !slices.Equal(z, s.z) {
				t.Fatalf("%d tiles, kernels %v: came back otherwise: %v", n, fast, err)
			}
		}
	}
}
