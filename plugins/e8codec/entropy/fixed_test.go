package entropy

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

func quantised(t testing.TB, p lattice.Params, n int, seed uint64) (*lattice.Quantizer, lattice.Codes) {
	t.Helper()
	q, err := lattice.New(p)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n*p.Dim)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Exp(rng.NormFloat64()/4))
	}
	c := q.NewCodes(n)
	if err := q.BoxAll(c, x); err != nil {
		t.Fatal(err)
	}
	return q, c
}

var someParams = func() (ps []lattice.Params) {
	for _, v := range []lattice.Variant{lattice.E8, lattice.D4} {
		for _, q := range []int{1, 2, 4, 10, 38, 41, 64, 65, 90, 127, 128, 152, 255} {
			for _, dim := range []int{32, 37, 64, 68, 96, 128} {
				ps = append(ps, lattice.Params{Variant: v, Q: q, Dim: dim})
			}
			ps = append(ps, lattice.Params{Variant: v, Q: q, Dim: 64, Compat: true})
		}
	}
	return ps
}()

func name(p lattice.Params) string {
	return fmt.Sprintf("%v_q%d_d%d_%v", p.Variant, p.Q, p.Dim, p.Compat)
}

// clamped is what Compat's decoder makes of codes.
func clamped(p lattice.Params, z []int16) []int16 {
	out := slices.Clone(z)
	if p.Compat {
		for i, c := range out {
			out[i] = min(max(c, int16(-2*p.Q)), int16(2*p.Q))
		}
	}
	return out
}

func TestFixedRoundTrip(t *testing.T) {
	for _, p := range someParams {
		q, c := quantised(t, p, 8, 1)
		f := NewFixed(p)
		buf, got, rec := f.NewBuffer(), make([]int16, q.CodesPerVector()), make([]byte, f.RecordBytes())
		for i := range c.Side {
			z := q.Vector(c, i)
			f.Pack(rec, z, c.Side[i], buf)
			for j := range got {
				got[j] = -1
			}
			side, err := f.Unpack(got, rec, buf)
			if err != nil {
				t.Fatalf("%s: %v", name(p), err)
			}
			if side != c.Side[i] || !slices.Equal(clamped(p, got), clamped(p, z)) {
				t.Fatalf("%s: vector %d side %#x: %v\nwant %#x %v", name(p), i, side, got, c.Side[i], z)
			}
		}
	}
}

// What the reference claims: e8 8·log2(2Q+1) bits a block rounded up, d4 4·log2(2Q+1) - 1.
func TestFixedTakesNoMoreThanTheClaim(t *testing.T) {
	for q := 1; q <= 255; q++ {
		for _, v := range []lattice.Variant{lattice.E8, lattice.D4} {
			n := float64(v.Block())
			claim := int(math.Ceil(n * math.Log2(float64(2*q+1))))
			if v == lattice.D4 {
				claim = int(math.Ceil(n*math.Log2(float64(2*q+1)) - 1))
			}
			f := NewFixed(lattice.Params{Variant: v, Q: q, Dim: 64})
			if f.BlockBits() > claim {
				t.Errorf("%v q%d: %d bits, claimed %d", v, q, f.BlockBits(), claim)
			}
		}
	}
	for q, want := range map[int]int{4: 25, 10: 35, 38: 51, 152: 67} {
		if got := NewFixed(lattice.Params{Variant: lattice.E8, Q: q, Dim: 64}).BlockBits(); got != want {
			t.Errorf("e8 q%d: %d bits, want %d", q, got, want)
		}
	}
}

// Every number is a point and every point's number is its own: both ways, for a whole small box.
func TestNumberingIsOneToOne(t *testing.T) {
	for _, p := range []lattice.Params{
		{Variant: lattice.E8, Q: 1, Dim: 64}, {Variant: lattice.D4, Q: 1, Dim: 64},
		{Variant: lattice.D4, Q: 4, Dim: 64}, {Variant: lattice.D4, Q: 2, Dim: 64, Compat: true},
		{Variant: lattice.E8, Q: 1, Dim: 64, Compat: true},
	} {
		n := newNumbering(p)
		for i := range n.count.lo {
			var z [64]int16
			n.point(z[:], wide{0, i})
			if got := n.number(z[:]); got != (wide{0, i}) {
				t.Fatalf("%s: %d became %v, which is number %v", name(p), i, z, got)
			}
			var sum int16
			for j := range p.Variant.Block() {
				c := z[8*j]
				sum += c
				if c&1 != z[0]&1 || !p.Compat && (c > int16(2*p.Q) || c < int16(-2*p.Q)) {
					t.Fatalf("%s: number %d is %v", name(p), i, z)
				}
			}
			if !p.Compat && sum&3 != 0 {
				t.Fatalf("%s: number %d is %v, no lattice point", name(p), i, z)
			}
		}
	}
}

func TestFastGivesTheSameRecords(t *testing.T) {
	for _, p := range someParams {
		f := NewFixed(p)
		if !f.fast.ok {
			continue
		}
		slow := *f
		slow.fast.ok = false
		q, c := quantised(t, p, 8, 2)
		buf, z := f.NewBuffer(), make([]int16, q.CodesPerVector())
		a, b := make([]byte, f.RecordBytes()), make([]byte, f.RecordBytes())
		for i := range c.Side {
			f.Pack(a, q.Vector(c, i), c.Side[i], buf)
			slow.Pack(b, q.Vector(c, i), c.Side[i], buf)
			if !slices.Equal(a, b) {
				t.Fatalf("%s: %x, slowly %x", name(p), a, b)
			}
			if _, err := slow.Unpack(z, a, buf); err != nil || !slices.Equal(z, q.Vector(c, i)) {
				t.Fatalf("%s: %v %v", name(p), z, err)
			}
		}
	}
}

func FuzzFixedUnpack(f *testing.F) {
	f.Add(uint8(1), uint8(38), uint16(64), false, []byte("anything"))
	f.Add(uint8(2), uint8(255), uint16(511), true, make([]byte, 800))
	f.Add(uint8(1), uint8(200), uint16(33), false, slices.Repeat([]byte{0xff}, 800))
	f.Fuzz(func(t *testing.T, variant, q uint8, dim uint16, compat bool, data []byte) {
		p := lattice.Params{Variant: lattice.Variant(variant), Q: int(q), Dim: int(dim), Compat: compat}
		if p.Validate() != nil {
			return
		}
		x := NewFixed(p)
		rec := make([]byte, x.RecordBytes())
		copy(rec, data)
		buf, z := x.NewBuffer(), make([]int16, lattice.Tiles(p.Dim)*lattice.Tile)
		side, err := x.Unpack(z, rec, buf)
		if err != nil {
			if !errors.Is(err, base.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		again := make([]byte, len(rec))
		x.Pack(again, z, side, buf)
		for i := x.Bits(); i < 8*len(rec); i++ {
			rec[i/8] &^= 1 << (i % 8)
		}
		if !slices.Equal(again, rec) {
			t.Fatalf("%s: %x unpacks to %v, which packs to %x", name(p), rec, z, again)
		}
	})
}

func BenchmarkFixed(b *testing.B) {
	for _, p := range []lattice.Params{
		{Variant: lattice.E8, Q: 38, Dim: 64}, {Variant: lattice.E8, Q: 38, Dim: 128},
		{Variant: lattice.D4, Q: 38, Dim: 64}, {Variant: lattice.E8, Q: 152, Dim: 64},
	} {
		q, c := quantised(b, p, 1, 3)
		f := NewFixed(p)
		buf, rec, z := f.NewBuffer(), make([]byte, f.RecordBytes()), q.Vector(c, 0)
		b.Run("pack/"+name(p), func(b *testing.B) {
			for b.Loop() {
				f.Pack(rec, z, c.Side[0], buf)
			}
		})
		b.Run("unpack/"+name(p), func(b *testing.B) {
			for b.Loop() {
				if _, err := f.Unpack(z, rec, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
