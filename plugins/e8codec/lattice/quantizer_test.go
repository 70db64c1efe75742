package lattice

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func mustNew(t testing.TB, p Params) *Quantizer {
	t.Helper()
	q, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func normals(rng *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * scale)
	}
	return x
}

var someDims = []int{32, 33, 37, 40, 64, 80, 96, 100, 112, 128, 160, 192, 224, 256, 384, 511, 512}

func TestRotationIsOrthonormalAndSymmetric(t *testing.T) {
	for _, dim := range someDims {
		r := mustNew(t, Params{Variant: E8, Q: 10, Dim: dim}).Rotation()
		rng := rand.New(rand.NewPCG(uint64(dim), 1))
		for i := range dim {
			for _, j := range []int{i, rng.IntN(dim), rng.IntN(dim), (i + dim/2) % dim, i ^ 1%dim} {
				if j >= dim {
					continue
				}
				if d := r[i*dim+j] - r[j*dim+i]; math.Abs(float64(d)) > 1e-6 {
					t.Fatalf("dim %d: R[%d][%d] is not R[%d][%d]", dim, i, j, j, i)
				}
				var dot float64
				for k := range dim {
					dot += float64(r[i*dim+k]) * float64(r[j*dim+k])
				}
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(dot-want) > 1e-5 {
					t.Fatalf("dim %d: rows %d and %d have product %v", dim, i, j, dot)
				}
			}
		}
	}
}

// The relative squared error of normal data falls as 1/Q² and hardly depends on head_dim.
func TestBoxKeepsNormalData(t *testing.T) {
	moment := map[Variant]float64{E8: 929.0 / 12960, D4: 13.0 / 120} // squared error a dimension
	rng := rand.New(rand.NewPCG(7, 8))
	for _, dim := range []int{32, 37, 64, 80, 96, 112, 128, 512} {
		for _, v := range []Variant{E8, D4} {
			for _, n := range []int{1, 38, 255} {
				q := mustNew(t, Params{Variant: v, Q: n, Dim: dim})
				s := q.NewScratch()
				z := make([]int16, q.CodesPerVector())
				got := make([]float32, dim)
				var e, total float64
				for range 5 {
					x := normals(rng, dim, 1)
					side, err := q.Box(z, x, s)
					if err != nil {
						t.Fatal(err)
					}
					q.Decode(got, z, side, s)
					e += squaredError(x, got)
					total += squaredError(x, nil)
				}
				step := math.Sqrt(2*math.Log(float64(dim))) / float64(n)
				if limit := 1.8 * moment[v] * step * step; e/total > limit {
					t.Errorf("%v q%d d%d: relative error %v, limit %v", v, n, dim, e/total, limit)
				}
			}
		}
	}
}

func TestEveryMagnitudeSurvives(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, dim := range []int{64, 80, 512} {
		q := mustNew(t, Params{Variant: E8, Q: 38, Dim: dim})
		s := q.NewScratch()
		z := make([]int16, q.CodesPerVector())
		got := make([]float32, dim)
		for exp := -140; exp <= 125; exp += 5 {
			x := normals(rng, dim, math.Ldexp(1, exp))
			for i, v := range x {
				x[i] = min(max(v, -math.MaxFloat32), math.MaxFloat32)
			}
			side, err := q.Box(z, x, s)
			if err != nil {
				t.Fatal(err)
			}
			q.Decode(got, z, side, s)
			floor := float64(dim) * 0x1p-298 // half of the smallest subnormal, squared
			if e := squaredError(x, got); e > 2e-3*squaredError(x, nil)+floor {
				t.Fatalf("dim %d exp %d: error %g of %g", dim, exp, e, squaredError(x, nil))
			}
		}
		x := make([]float32, dim)
		for i := range x {
			x[i] = math.MaxFloat32
		}
		side, err := q.Box(z, x, s)
		if err != nil {
			t.Fatal(err)
		}
		q.Decode(got, z, side, s)
		for i, v := range got {
			if !finite(float64(v)) || v < 0.9*math.MaxFloat32 {
				t.Fatalf("dim %d: largest value came back as %v at %d", dim, v, i)
			}
		}
	}
}

func TestZerosStayZero(t *testing.T) {
	for _, dim := range []int{33, 64, 96} {
		q := mustNew(t, Params{Variant: D4, Q: 4, Dim: dim})
		z := make([]int16, q.CodesPerVector())
		z[0] = 7
		s := q.NewScratch()
		side, err := q.Box(z, make([]float32, dim), s)
		if err != nil || side != 0 || z[0] != 0 {
			t.Fatalf("side %d, z[0] %d, error %v", side, z[0], err)
		}
		got := normals(rand.New(rand.NewPCG(1, 1)), dim, 1)
		q.Decode(got, z, side, s)
		if squaredError(got, nil) != 0 {
			t.Fatalf("zeros became %v", got)
		}
	}
}

func TestNonFiniteNamesTheVector(t *testing.T) {
	for _, compat := range []bool{false, true} {
		q := mustNew(t, Params{Variant: E8, Q: 38, Dim: 64, Compat: compat})
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			x := normals(rand.New(rand.NewPCG(1, 1)), 64*1000, 1)
			x[64*701+63], x[64*900] = float32(bad), float32(bad)
			err := q.BoxAll(q.NewCodes(1000), x)
			if !errors.Is(err, ErrNonFinite) || !errors.Is(err, base.ErrInvalid) {
				t.Fatalf("%v: error %v", bad, err)
			}
			if got := err.Error(); got != "vector 701: invalid argument: not finite" {
				t.Fatalf("error %q", got)
			}
			if err := q.RoundTrip(x); !errors.Is(err, ErrNonFinite) {
				t.Fatalf("round trip: %v", err)
			}
		}
	}
}

func TestRoundTripIsBoxThenDecode(t *testing.T) {
	for _, p := range []Params{{E8, 38, 64, false}, {D4, 10, 80, false}, {E8, 4, 128, true}} {
		q := mustNew(t, p)
		x := normals(rand.New(rand.NewPCG(2, 3)), p.Dim*700, 3)
		c := q.NewCodes(700)
		if err := q.BoxAll(c, x); err != nil {
			t.Fatal(err)
		}
		want := make([]float32, len(x))
		q.DecodeAll(want, c)
		if err := q.RoundTrip(x); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if x[i] != want[i] {
				t.Fatalf("%+v: element %d: %v, want %v", p, i, x[i], want[i])
			}
		}
	}
}

// x̂ = Step · (z · R)
func TestAffineForm(t *testing.T) {
	for _, dim := range []int{64, 96, 128} {
		q := mustNew(t, Params{Variant: E8, Q: 10, Dim: dim})
		r := q.Rotation()
		s := q.NewScratch()
		z := make([]int16, q.CodesPerVector())
		side, err := q.Box(z, normals(rand.New(rand.NewPCG(2, 3)), dim, 3), s)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, dim)
		q.Decode(got, z, side, s)
		for j := range dim {
			var want float64
			for i := range dim {
				want += float64(z[position(i)]) * float64(r[i*dim+j])
			}
			want *= q.Step(side)
			if math.Abs(want-float64(got[j])) > 1e-4 {
				t.Fatalf("dim %d element %d: %v, want %v", dim, j, got[j], want)
			}
		}
	}
}

func TestScaleCodes(t *testing.T) {
	for code := 1 << scaleBits; code < 1<<16; code++ {
		v := ScaleValue(uint16(code))
		if got := scaleNear(v, scaleBits); got != uint16(code) {
			t.Fatalf("%#x is %g, which became %#x", code, v, got)
		}
		if v <= ScaleValue(uint16(code-1)) {
			t.Fatalf("%#x is not above its predecessor", code)
		}
	}
	if got := ScaleValue(scaleNear(1.30, 3)); got != 1.25 {
		t.Fatalf("1.30 on a grid of eighths is %v", got)
	}
}

func TestFreeHasNoBoxAndScaleForKeepsTheError(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	q := mustNew(t, Params{Variant: E8, Q: 10, Dim: 64})
	s := q.NewScratch()
	z := make([]int16, 64)
	got := make([]float32, 64)
	var box, free float64
	for range 2000 {
		x := normals(rng, 64, 5)
		side, err := q.Box(z, x, s)
		if err != nil {
			t.Fatal(err)
		}
		q.Decode(got, z, side, s)
		box += squaredError(x, got)
		scale := q.ScaleFor(25)
		if err := q.Free(z, x, scale, s); err != nil {
			t.Fatal(err)
		}
		q.Decode(got, z, uint32(scale), s)
		free += squaredError(x, got)
	}
	if r := free / box; r < 0.85 || r > 1.15 { // the scale's grid is 12 % apart
		t.Fatalf("free error %v of boxed", r)
	}
	x := normals(rng, 64, 1e6)
	if err := q.Free(z, x, q.ScaleFor(1), s); err != nil {
		t.Fatal(err)
	}
	for _, c := range z {
		if c > maxCode+2 || c < -maxCode-2 {
			t.Fatalf("code %d", c)
		}
	}
}

func TestValidate(t *testing.T) {
	ok := Params{Variant: E8, Q: 38, Dim: 64}
	for _, change := range []func(*Params){
		func(p *Params) { p.Variant = 0 }, func(p *Params) { p.Variant = 3 },
		func(p *Params) { p.Q = 0 }, func(p *Params) { p.Q = 256 },
		func(p *Params) { p.Dim = 31 }, func(p *Params) { p.Dim = 513 },
		func(p *Params) { p.Dim, p.Compat = 96, true },
	} {
		p := ok
		change(&p)
		if _, err := New(p); !errors.Is(err, base.ErrInvalid) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for _, v := range []Variant{E8, D4} {
		if got, err := ParseVariant(v.String()); got != v || err != nil {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
	if _, err := ParseVariant("e7"); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("e7: %v", err)
	}
	mustNew(t, ok)
}

func BenchmarkRoundTrip(b *testing.B) {
	for _, p := range []Params{
		{E8, 38, 64, false}, {E8, 38, 128, false}, {E8, 38, 256, false},
		{D4, 38, 64, false}, {E8, 38, 96, false}, {E8, 38, 64, true}, {E8, 38, 128, true},
	} {
		name := fmt.Sprintf("%v_d%d", p.Variant, p.Dim)
		if p.Compat {
			name += "_compat"
		}
		b.Run(name, func(b *testing.B) {
			q := mustNew(b, p)
			x := normals(rand.New(rand.NewPCG(1, 1)), p.Dim, 1)
			y := make([]float32, p.Dim)
			z := make([]int16, q.CodesPerVector())
			s := q.NewScratch()
			b.SetBytes(int64(4 * p.Dim))
			for b.Loop() {
				side, err := q.Box(z, x, s)
				if err != nil {
					b.Fatal(err)
				}
				q.Decode(y, z, side, s)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "vectors/s")
		})
	}
}
