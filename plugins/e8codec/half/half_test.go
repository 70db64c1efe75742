package half

import (
	"math"
	"testing"
)

func TestFloat16RoundTripsEveryValue(t *testing.T) {
	for h := range 1 << 16 {
		v := FromFloat16(uint16(h))
		if math.IsNaN(float64(v)) {
			if got := FromFloat16(ToFloat16(v)); !math.IsNaN(float64(got)) {
				t.Fatalf("%#x: NaN became %v", h, got)
			}
			continue
		}
		if got := ToFloat16(v); got != uint16(h) {
			t.Fatalf("%#x is %v, which became %#x", h, v, got)
		}
	}
}

func TestBFloat16RoundTripsEveryValue(t *testing.T) {
	for h := range 1 << 16 {
		v := FromBFloat16(uint16(h))
		if math.IsNaN(float64(v)) {
			if got := FromBFloat16(ToBFloat16(v)); !math.IsNaN(float64(got)) {
				t.Fatalf("%#x: NaN became %v", h, got)
			}
			continue
		}
		if got := ToBFloat16(v); got != uint16(h) {
			t.Fatalf("%#x is %v, which became %#x", h, v, got)
		}
	}
}

func TestToFloat16Nearest(t *testing.T) {
	for _, c := range []struct {
		in   float32
		want uint16
	}{
		{0, 0}, {float32(math.Copysign(0, -1)), 0x8000}, {1, 0x3c00}, {-2, 0xc000},
		{65504, 0x7bff}, {65519.996, 0x7bff}, {65520, 0x7c00}, {1e30, 0x7c00},
		{0x1p-24, 1}, {0x1p-25, 0}, {0x1.8p-24, 2}, {0x1.4p-24, 1}, // ties to even below 2^-14
		{1 + 0x1p-11, 0x3c00}, {1 + 0x3p-11, 0x3c02}, {1 + 0x1.01p-11, 0x3c01},
		{0x1.ff8p-15, 0x3ff}, {0x1.ffcp-15, 0x400}, {0x1p-14, 0x400},
	} {
		if got := ToFloat16(c.in); got != c.want {
			t.Errorf("ToFloat16(%v) = %#x, want %#x", c.in, got, c.want)
		}
	}
}

func TestToBFloat16Nearest(t *testing.T) {
	for _, c := range []struct {
		in   float32
		want uint16
	}{
		{1, 0x3f80}, {1 + 0x1p-8, 0x3f80}, {1 + 0x3p-8, 0x3f82}, {1 + 0x1.01p-8, 0x3f81},
		{math.MaxFloat32, 0x7f80}, {float32(math.Inf(-1)), 0xff80},
	} {
		if got := ToBFloat16(c.in); got != c.want {
			t.Errorf("ToBFloat16(%v) = %#x, want %#x", c.in, got, c.want)
		}
	}
}

func TestSlicesConvertLikeSingleValues(t *testing.T) {
	src := make([]uint16, 1<<16+5)
	for i := range src {
		src[i] = uint16(i)
	}
	f, back := make([]float32, len(src)), make([]uint16, len(src))
	check := func(what string, from func(uint16) float32, to func(float32) uint16) {
		t.Helper()
		for i, h := range src {
			want := from(h)
			if math.Float32bits(f[i]) != math.Float32bits(want) && want == want {
				t.Fatalf("%s: %#x became %v, want %v", what, h, f[i], want)
			}
			if want == want && back[i] != to(want) {
				t.Fatalf("%s: %v became %#x, want %#x", what, want, back[i], to(want))
			}
		}
	}
	FromFloat16s(f, src)
	ToFloat16s(back, f)
	check("f16", FromFloat16, ToFloat16)
	FromBFloat16s(f, src)
	ToBFloat16s(back, f)
	check("bf16", FromBFloat16, ToBFloat16)
	// every rounding case: values around each half
	for i := range f {
		f[i] = math.Float32frombits(uint32(i) << 15 & 0x7fffffff)
		if f[i] != f[i] {
			f[i] = 0
		}
	}
	ToFloat16s(back, f)
	for i, v := range f {
		if back[i] != ToFloat16(v) {
			t.Fatalf("%v became %#x, want %#x", v, back[i], ToFloat16(v))
		}
	}
}
