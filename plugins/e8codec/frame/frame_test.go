package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/e8codec/half"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func normals(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func mustNew(t testing.TB, o Options) *Codec {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// someOptions are every coding, scaling and way, small.
var someOptions = func() (all []Options) {
	for _, v := range []lattice.Variant{lattice.E8, lattice.D4} {
		for _, dim := range []int{64, 80} {
			p := lattice.Params{Variant: v, Q: 10, Dim: dim}
			all = append(all, Options{Params: p, Heads: 3, Coding: Fixed})
			for _, s := range []Scaling{ScaleBox, ScaleVector, ScaleHead} {
				all = append(all, Options{Params: p, Heads: 3, Coding: Pages, Scaling: s})
			}
			if dim == 64 {
				p.Compat = true
				all = append(all, Options{Params: p, Heads: 2, Coding: Fixed}, Options{Params: p, Heads: 2, Coding: Pages})
			}
		}
	}
	return all
}()

func optionsName(o Options) string {
	return fmt.Sprintf("%v_d%d_%v_%v_%v", o.Params.Variant, o.Params.Dim, o.Coding, o.Scaling, o.Params.Compat)
}

// tensorOf converts x.
func tensorOf(d DType, x []float32) Tensor {
	t := Tensor{DType: d, Data: make([]byte, len(x)*d.Size())}
	for at := 0; at < len(x); at += 16 {
		t.Store(slices.Clone(x[at:at+16]), at, make([]uint16, 16))
	}
	return t
}

func relativeError(got, want []float32) float64 {
	var e, all float64
	for i, w := range want {
		d := float64(got[i]) - float64(w)
		e += d * d
		all += float64(w) * float64(w)
	}
	return e / all
}

func TestRoundTripOfEveryType(t *testing.T) {
	for _, o := range someOptions {
		c := mustNew(t, o)
		x := normals(1, 70*o.Heads*o.Params.Dim)
		for _, d := range []DType{F32, F16, BF16} {
			in := tensorOf(d, x)
			packed, err := c.Encode([]byte("before"), in)
			if err != nil {
				t.Fatalf("%s %v: %v", optionsName(o), d, err)
			}
			packed = packed[len("before"):]
			h, _, err := Parse(packed)
			if err != nil || h != (Header{o.Params, o.Coding, d, o.Heads, 70}) {
				t.Fatalf("%s: header %+v, %v", optionsName(o), h, err)
			}
			out := make([]float32, len(x))
			if err := c.Decode(OfF32(out), packed); err != nil {
				t.Fatalf("%s %v: %v", optionsName(o), d, err)
			}
			if e := relativeError(out, x); e > 0.012 {
				t.Fatalf("%s %v: relative error %v", optionsName(o), d, e)
			}
			same := Tensor{d, make([]byte, len(in.Data))}
			if err := c.Decode(same, packed); err != nil {
				t.Fatal(err)
			}
			if want := tensorOf(d, out); !slices.Equal(same.Data, want.Data) {
				t.Fatalf("%s: decoded to %v is not what f32 rounds to", optionsName(o), d)
			}
		}
	}
}

// What is decoded is what the lattice makes of each vector, whatever the coding.
func TestCodingsAgree(t *testing.T) {
	p := lattice.Params{Variant: lattice.E8, Q: 38, Dim: 128}
	x := normals(2, 700*2*128)
	want := slices.Clone(x)
	var first []byte
	for _, coding := range []Coding{Fixed, Pages} {
		c := mustNew(t, Options{Params: p, Heads: 2, Coding: coding})
		packed, err := c.Encode(nil, OfF32(x))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(x))
		if first == nil {
			first = packed
			if err := c.Quantizer().RoundTrip(want); err != nil {
				t.Fatal(err)
			}
		} else if len(packed) >= len(first) {
			t.Errorf("pages take %d bytes, fixed %d", len(packed), len(first))
		}
		// any codec with these parameters reads either coding
		if err := mustNew(t, Options{Params: p, Heads: 2, Coding: Fixed}).Decode(OfF32(got), packed); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v decodes to other vectors", coding)
		}
	}
}

func TestNonFiniteNamesTheVector(t *testing.T) {
	for _, o := range someOptions {
		c := mustNew(t, o)
		x := normals(3, 700*o.Heads*o.Params.Dim)
		x[1234*o.Params.Dim+5] = float32(math.NaN())
		x[1300*o.Params.Dim] = float32(math.Inf(1))
		_, err := c.Encode(nil, OfF32(x))
		if !errors.Is(err, lattice.ErrNonFinite) || err.Error() != "vector 1234: invalid argument: not finite" {
			t.Errorf("%s: %v", optionsName(o), err)
		}
	}
}

func TestExtremesSurvive(t *testing.T) {
	for _, o := range someOptions {
		if o.Params.Compat || o.Scaling == ScaleHead {
			continue // the reference overflows; a head has one absolute error
		}
		c := mustNew(t, o)
		dim := o.Params.Dim
		x := normals(4, 3*o.Heads*dim)
		for i := range x {
			x[i] *= []float32{1e-30, 1, 1e30}[i/dim%3]
		}
		packed, err := c.Encode(nil, OfF32(x))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(x))
		if err := c.Decode(OfF32(got), packed); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(x); i += dim {
			if e := relativeError(got[i:i+dim], x[i:i+dim]); e > 0.05 {
				t.Fatalf("%s: vector %d has relative error %v", optionsName(o), i/dim, e)
			}
		}
	}
}

// With one scale a head, a vector far above the others still fits, and zeros are zeros.
func TestScaleHeadWithOutliers(t *testing.T) {
	o := Options{Params: lattice.Params{Variant: lattice.E8, Q: 255, Dim: 64}, Heads: 2, Coding: Pages, Scaling: ScaleHead}
	c := mustNew(t, o)
	x := normals(5, 64*2*64)
	for i := range 64 {
		x[64*6+i] *= 1e6
		x[64*8+i] = 0
	}
	packed, err := c.Encode(nil, OfF32(x))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, len(x))
	if err := c.Decode(OfF32(got), packed); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(x); i += 64 {
		if i == 64*8 {
			continue
		}
		if e := relativeError(got[i:i+64], x[i:i+64]); e > 1e-3 {
			t.Fatalf("vector %d has relative error %v", i/64, e)
		}
	}
	if got[64*8] != 0 {
		t.Fatalf("zero became %v", got[64*8])
	}
}

func TestF16OutputSaturates(t *testing.T) {
	c := mustNew(t, Options{Params: lattice.Params{Variant: lattice.E8, Q: 1, Dim: 64}, Heads: 1, Coding: Fixed})
	x := make([]float32, 64)
	for i := range x {
		x[i] = half.MaxFloat16
	}
	x[3] = 0
	packed, err := c.Encode(nil, OfF32(x))
	if err != nil {
		t.Fatal(err)
	}
	out := Tensor{F16, make([]byte, 128)}
	if err := c.Decode(out, packed); err != nil {
		t.Fatal(err)
	}
	for i := range 64 {
		if h := binary.LittleEndian.Uint16(out.Data[2*i:]); h&0x7c00 == 0x7c00 {
			t.Fatalf("element %d is %#x", i, h)
		}
	}
}

func TestEmptyAndWrongShapes(t *testing.T) {
	for _, o := range someOptions {
		c := mustNew(t, o)
		packed, err := c.Encode(nil, OfF32(nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Decode(OfF32(nil), packed); err != nil {
			t.Fatal(err)
		}
		dim := o.Params.Dim
		if err := c.Decode(OfF32(make([]float32, o.Heads*dim)), packed); !errors.Is(err, base.ErrCorrupt) {
			t.Errorf("%s: room for more than there is: %v", optionsName(o), err)
		}
		for _, bad := range []Tensor{
			OfF32(make([]float32, dim-1)), OfF32(make([]float32, dim)), {DType: 0}, {F16, make([]byte, 3)},
		} {
			if _, err := c.Encode(nil, bad); !errors.Is(err, base.ErrInvalid) {
				t.Errorf("%s: %v of %d bytes: %v", optionsName(o), bad.DType, len(bad.Data), err)
			}
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	ok := Options{Params: lattice.Params{Variant: lattice.E8, Q: 38, Dim: 64}, Heads: 1, Coding: Pages}
	for _, change := range []func(*Options){
		func(o *Options) { o.Params.Q = 0 }, func(o *Options) { o.Heads = 0 },
		func(o *Options) { o.Heads = MaxHeads + 1 }, func(o *Options) { o.Coding = 3 },
		func(o *Options) { o.Scaling = 3 }, func(o *Options) { o.Coding, o.Scaling = Fixed, ScaleHead },
		func(o *Options) { o.Params.Compat, o.Scaling = true, ScaleVector },
	} {
		o := ok
		change(&o)
		if _, err := New(o); !errors.Is(err, base.ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, d := range []DType{F32, F16, BF16} {
		if got, err := ParseDType(d.String()); got != d || err != nil {
			t.Errorf("%v: %v, %v", d, got, err)
		}
	}
	for _, c := range []Coding{Fixed, Pages} {
		if got, err := ParseCoding(c.String()); got != c || err != nil {
			t.Errorf("%v: %v, %v", c, got, err)
		}
	}
	for _, s := range []Scaling{ScaleBox, ScaleVector, ScaleHead} {
		if got, err := ParseScaling(s.String()); got != s || err != nil {
			t.Errorf("%v: %v, %v", s, got, err)
		}
	}
}

func TestRandomAccess(t *testing.T) {
	o := Options{Params: lattice.Params{Variant: lattice.E8, Q: 10, Dim: 96}, Heads: 4, Coding: Fixed}
	c := mustNew(t, o)
	x := normals(6, 100*4*96)
	packed, err := c.Encode(nil, OfF32(x))
	if err != nil {
		t.Fatal(err)
	}
	all, some := make([]float32, len(x)), make([]float32, 3*96)
	if err := c.Decode(OfF32(all), packed); err != nil {
		t.Fatal(err)
	}
	h, payload, err := Parse(packed)
	if err != nil {
		t.Fatal(err)
	}
	pick := []int{399, 0, 17}
	if err := c.DecodeSome(OfF32(some), h, payload, pick); err != nil {
		t.Fatal(err)
	}
	for i, v := range pick {
		if !slices.Equal(some[i*96:(i+1)*96], all[v*96:(v+1)*96]) {
			t.Fatalf("vector %d differs", v)
		}
	}
	for _, bad := range [][]int{{400, 0, 0}, {-1, 0, 0}, {0}} {
		if err := c.DecodeSome(OfF32(some), h, payload, bad); !errors.Is(err, base.ErrInvalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
