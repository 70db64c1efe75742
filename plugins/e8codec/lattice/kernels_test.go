//go:build amd64 && !purego

package lattice

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// kernelInput makes a tile, a tile of codes and parameters out of a fuzzer's bytes.
func kernelInput(data []byte) (y [Tile]float32, z [Tile]int16, inv, q float32) {
	var seed [32]byte
	copy(seed[:], data)
	rng := rand.New(rand.NewChaCha8(seed))
	q = float32(1 + rng.IntN(MaxQ))
	grid := math.Ldexp(1, rng.IntN(24)) // coarse grids make ties
	for i := range y {
		v := rng.NormFloat64() * float64(q) / 2
		if rng.IntN(8) == 0 {
			v = float64(q) * float64(1-2*rng.IntN(2))
		}
		y[i] = float32(math.Round(v*grid) / grid)
		z[i] = int16(rng.Uint32())
		if 4*i+4 <= len(data)-32 { // and anything at all
			y[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[32+4*i:]))
		}
	}
	inv = 1
	if rng.IntN(2) == 0 {
		inv = float32(math.Exp(rng.NormFloat64()))
	}
	return y, z, inv, q
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) && (w == w || got[i] == got[i]) {
			t.Fatalf("%s: element %d is %v, portable %v", what, i, got[i], w)
		}
	}
}

func checkKernels(t *testing.T, data []byte) {
	y, z, inv, q := kernelInput(data)
	var a, b [Tile]float32
	tileForwardAVX2(&a, &y)
	tileForwardGeneric(&b, &y)
	sameBits(t, "forward", a[:], b[:])
	tileInverseAVX2(&a, &z, inv)
	tileInverseGeneric(&b, &z, inv)
	sameBits(t, "inverse", a[:], b[:])
	butterflyAVX2(&a[0], &y[0], Tile/2)
	butterflyGeneric(b[:], y[:])
	sameBits(t, "butterfly", a[:], b[:])
	for _, n := range []int{8, 24, Tile} {
		if got, want := maxAbsBitsAVX2(&y[0], n), maxAbsBitsGeneric(y[:n]); got != want {
			t.Fatalf("maxAbsBits of %d: %#x, portable %#x", n, got, want)
		}
	}
	if maxAbsBitsGeneric(y[:]) >= 0x7f800000 {
		return // the search is only given finite numbers
	}
	for _, limit := range []float32{q - boxMargin, maxCode / 2} {
		box := q
		if limit > q {
			box = math.MaxInt16
		}
		var zg, za [Tile]int16
		nearestE8AVX2(&za, &y, inv, limit, box)
		nearestE8Generic(&zg, &y, inv, limit, box)
		if za != zg {
			t.Fatalf("E8 within %v: %v\nportable %v\nof %v times %v", limit, za, zg, y, inv)
		}
		nearestD4AVX2(&za, &y, inv, limit)
		nearestD4Generic(&zg, &y, inv, limit)
		if za != zg {
			t.Fatalf("D4 within %v: %v\nportable %v\nof %v times %v", limit, za, zg, y, inv)
		}
	}
}

func TestKernelsEqualThePortableOnes(t *testing.T) {
	if !useAVX2 {
		t.Skip("this processor has no AVX2")
	}
	for i := range 1000 {
		checkKernels(t, binary.LittleEndian.AppendUint32(nil, uint32(i)))
	}
}

func FuzzKernels(f *testing.F) {
	if !useAVX2 {
		f.Skip("this processor has no AVX2")
	}
	f.Add([]byte("ties"))
	f.Add(make([]byte, 32+4*Tile))
	f.Fuzz(checkKernels)
}

func BenchmarkKernels(b *testing.B) {
	y, z, inv, q := kernelInput(nil)
	var x [Tile]float32
	b.Run("forward", func(b *testing.B) {
		for b.Loop() {
			tileForward(&x, &y)
		}
	})
	b.Run("inverse", func(b *testing.B) {
		for b.Loop() {
			tileInverse(&x, &z, inv)
		}
	})
	b.Run("e8", func(b *testing.B) {
		for b.Loop() {
			nearestE8(&z, &y, inv, q-boxMargin, q)
		}
	})
	b.Run("d4", func(b *testing.B) {
		for b.Loop() {
			nearestD4(&z, &y, inv, q-boxMargin)
		}
	})
}
