package entropy

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

func TestPagesRoundTrip(t *testing.T) {
	for _, p := range someParams {
		_, c := quantised(t, p, 20, 1)
		for _, heads := range []int{1, 3} {
			g := NewPages(p, heads)
			packed := g.Encode([]byte("before"), c.Z, c.Side, whole(c.Side), new(Encoder))
			z, side := make([]int16, len(c.Z)), make([]uint32, len(c.Side))
			if err := g.Decode(z, side, whole(side), packed[len("before"):], new(Decoder)); err != nil {
				t.Fatalf("%s: %v", name(p), err)
			}
			if !slices.Equal(side, c.Side) || !slices.Equal(z, c.Z) {
				t.Fatalf("%s: came back otherwise", name(p))
			}
		}
	}
}

// Codes of every width, and jumps from one to another, survive.
func TestPagesTakeAnyLatticePoints(t *testing.T) {
	p := lattice.Params{Variant: lattice.E8, Q: 10, Dim: 64}
	q, err := lattice.New(p)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	const n = 600
	c := q.NewCodes(n)
	s := q.NewScratch()
	x := make([]float32, 64)
	for i := range n {
		width := math.Exp(rng.NormFloat64() * 3)
		for j := range x {
			x[j] = float32(rng.NormFloat64() * width)
		}
		scale := q.ScaleFor(1)
		if err := q.Free(q.Vector(c, i), x, scale, s); err != nil {
			t.Fatal(err)
		}
		c.Side[i] = uint32(rng.IntN(1 << 16))
	}
	g := NewPages(p, 2)
	packed := g.Encode(nil, c.Z, c.Side, whole(c.Side), new(Encoder))
	z, side := make([]int16, len(c.Z)), make([]uint32, n)
	if err := g.Decode(z, side, whole(side), packed, new(Decoder)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(side, c.Side) || !slices.Equal(z, c.Z) {
		t.Fatal("came back otherwise")
	}
}

func TestDamagedPagesAreCorruptOrOtherPoints(t *testing.T) {
	p := lattice.Params{Variant: lattice.E8, Q: 4, Dim: 64}
	_, c := quantised(t, p, 9, 1)
	g := NewPages(p, 3)
	packed := g.Encode(nil, c.Z, c.Side, whole(c.Side), new(Encoder))
	z, side := make([]int16, len(c.Z)), make([]uint32, len(c.Side))
	for n := range len(packed) {
		if err := g.Decode(z, side, whole(side), packed[:n], new(Decoder)); !errors.Is(err, base.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	for bit := range 8 * len(packed) {
		bad := slices.Clone(packed)
		bad[bit/8] ^= 1 << (bit % 8)
		if err := g.Decode(z, side, whole(side), bad, new(Decoder)); err != nil && !errors.Is(err, base.ErrCorrupt) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
}

func FuzzPagesDecode(f *testing.F) {
	p := lattice.Params{Variant: lattice.E8, Q: 4, Dim: 64}
	_, c := quantised(f, p, 4, 1)
	f.Add(uint8(1), uint8(4), uint16(64), false, NewPages(p, 2).Encode(nil, c.Z, c.Side, whole(c.Side), new(Encoder)))
	f.Add(uint8(2), uint8(255), uint16(33), true, make([]byte, 100))
	f.Fuzz(func(t *testing.T, variant, q uint8, dim uint16, compat bool, data []byte) {
		p := lattice.Params{Variant: lattice.Variant(variant), Q: int(q), Dim: int(dim), Compat: compat}
		if p.Validate() != nil {
			return
		}
		g := NewPages(p, 2)
		z, side := make([]int16, 4*lattice.Tiles(p.Dim)*lattice.Tile), make([]uint32, 4)
		if err := g.Decode(z, side, whole(side), data, new(Decoder)); err != nil {
			if !errors.Is(err, base.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		again := g.Encode(nil, z, side, whole(side), new(Encoder))
		z2, side2 := make([]int16, len(z)), make([]uint32, 4)
		if err := g.Decode(z2, side2, whole(side2), again, new(Decoder)); err != nil || !slices.Equal(z, z2) || !slices.Equal(side, side2) {
			t.Fatalf("%s: what was decoded does not survive: %v", name(p), err)
		}
	})
}

// What a page costs beside the entropy of its distribution: rate is within a few hundredths of a
// bit of -log2 of the discrete normal's probabilities, streams and scales included.
func TestPagesRate(t *testing.T) {
	for _, c := range []struct {
		q    int
		most float64
	}{{4, 3.2}, {10, 4.5}, {38, 6.4}} {
		p := lattice.Params{Variant: lattice.E8, Q: c.q, Dim: 64}
		rng := rand.New(rand.NewPCG(5, 5))
		x := make([]float32, 64*64*3)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		q, err := lattice.New(p)
		if err != nil {
			t.Fatal(err)
		}
		box := q.NewCodes(len(x) / 64)
		if err := q.BoxAll(box, x); err != nil {
			t.Fatal(err)
		}
		boxRate := 8 * float64(len(NewPages(p, 3).Encode(nil, box.Z, box.Side, whole(box.Side), new(Encoder)))) / float64(len(x))
		free := q.NewCodes(len(x) / 64)
		s := q.NewScratch()
		for i := range free.Side {
			scale := q.ScaleFor(1)
			if err := q.Free(q.Vector(free, i), x[64*i:64*(i+1)], scale, s); err != nil {
				t.Fatal(err)
			}
			free.Side[i] = uint32(scale)
		}
		freeRate := 8 * float64(len(NewPages(p, 3).Encode(nil, free.Z, free.Side, whole(free.Side), new(Encoder)))) / float64(len(x))
		t.Logf("q%d: boxed %.4f bits an element, free %.4f", c.q, boxRate, freeRate)
		if boxRate > c.most || freeRate > boxRate {
			t.Errorf("q%d: boxed %.4f bits an element, at most %.2f; free %.4f", c.q, boxRate, c.most, freeRate)
		}
	}
}

func BenchmarkPages(b *testing.B) {
	for _, qn := range []int{4, 10, 38, 152} {
		p := lattice.Params{Variant: lattice.E8, Q: qn, Dim: 64}
		_, c := quantised(b, p, 960, 1)
		g := NewPages(p, 3)
		enc := new(Encoder)
		packed := g.Encode(nil, c.Z, c.Side, whole(c.Side), enc)
		perVector := func(b *testing.B) {
			b.ReportMetric(float64(b.N*len(c.Side))/b.Elapsed().Seconds(), "vectors/s")
		}
		b.Run("encode/"+name(p), func(b *testing.B) {
			for b.Loop() {
				packed = g.Encode(packed[:0], c.Z, c.Side, whole(c.Side), enc)
			}
			perVector(b)
		})
		b.Run("decode/"+name(p), func(b *testing.B) {
			for b.Loop() {
				if err := g.Decode(c.Z, c.Side, whole(c.Side), packed, new(Decoder)); err != nil {
					b.Fatal(err)
				}
			}
			perVector(b)
		})
	}
}

// TestTablesHaveEverySymbol wants a code for every integer in every table that a block can meet.
func TestTablesHaveEverySymbol(t *testing.T) {
	for _, v := range []lattice.Variant{lattice.E8, lattice.D4} {
		for k := range firstWide {
			c := classAt(v, k)
			for j := range 8 {
				for know := range 2 * v.Block() / 4 {
					table := &c.encode[c.tables[j][know]/probOne]
					for value := -c.limit / 2; value <= c.limit/2; value++ {
						impossible := (j+1)%v.Block() == 0 && value&1 != know&1
						if !table.listed(value) && !impossible {
							t.Fatalf("%v, class %d, coordinate %d, %d known: %d has no code", v, k, j, know, value)
						}
					}
					if _, ok := table[0].event(); !ok {
						t.Fatalf("%v, class %d, coordinate %d, %d known: no escape", v, k, j, know)
					}
				}
			}
		}
	}
}

// whole is one run of all vectors.
func whole(side []uint32) []int { return []int{len(side)} }
