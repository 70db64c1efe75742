package lattice

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/kakeyad/kakeyad/plugins/e8codec/half"
)

func testdata[T any](t testing.TB, name string) []T {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var zero T
	out := make([]T, len(raw)/binary.Size(zero))
	if _, err := binary.Decode(raw, binary.LittleEndian, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// natural is the codes of a vector in the order of its elements, clamped as the reference's are.
func natural(z []int16, dim, q int) []int16 {
	out := make([]int16, dim)
	for i := range out {
		out[i] = min(max(z[position(i)], int16(-2*q)), int16(2*q))
	}
	return out
}

const (
	exactRows = 512 // rows of the vectors without ties
	allRows   = 768
)

func eachReferenceSet(t *testing.T, f func(t *testing.T, set int, p Params)) {
	set := 0
	for _, v := range []Variant{E8, D4} {
		for _, q := range []int{4, 10, 38, 152} {
			for _, dim := range []int{64, 128, 256} {
				t.Run(fmt.Sprintf("%v_q%d_d%d", v, q, dim), func(t *testing.T) {
					f(t, set, Params{Variant: v, Q: q, Dim: dim, Compat: true})
				})
				set++
			}
		}
	}
}

func TestCompatReproducesTheReference(t *testing.T) {
	sums := testdata[uint32](t, "rows.crc32")
	eachReferenceSet(t, func(t *testing.T, set int, p Params) {
		in := testdata[float32](t, fmt.Sprintf("in_d%d.f32", p.Dim))
		meta := testdata[uint16](t, fmt.Sprintf("meta_d%d.f16", p.Dim))
		want := testdata[float32](t, fmt.Sprintf("out_%v_q%d_d%d.f32", p.Variant, p.Q, p.Dim))
		q, err := New(p)
		if err != nil {
			t.Fatal(err)
		}
		s := q.NewScratch()
		z := make([]int16, q.CodesPerVector())
		got := make([]float32, p.Dim)
		for row := range allRows {
			side, err := q.Box(z, in[row*p.Dim:(row+1)*p.Dim], s)
			if err != nil {
				t.Fatalf("row %d: %v", row, err)
			}
			if m := uint32(meta[2*row]) | uint32(meta[2*row+1])<<16; side != m {
				t.Fatalf("row %d: norm and qmax %#x, want %#x", row, side, m)
			}
			if row < exactRows {
				buf, _ := binary.Append(nil, binary.LittleEndian, natural(z, p.Dim, p.Q))
				if crc32.ChecksumIEEE(buf) != sums[set*exactRows+row] {
					t.Fatalf("row %d: codes differ", row)
				}
			}
			if row%256 >= 32 {
				continue
			}
			q.Decode(got, z, side, s)
			compareOutput(t, row, got, want[(row/256*32+row%256)*p.Dim:][:p.Dim])
		}
	})
}

// compareOutput wants outputs equal to 5e-6 of the row's largest where codes are equal, and
// otherwise (rows of ties) finite where the reference is.
func compareOutput(t *testing.T, row int, got, want []float32) {
	t.Helper()
	var peak float64
	for _, w := range want {
		peak = max(peak, math.Abs(float64(w)))
	}
	for i, w := range want {
		g := float64(got[i])
		if finite(g) != finite(float64(w)) {
			t.Fatalf("row %d element %d: %v, want %v", row, i, g, w)
		}
		if finite(g) && math.Abs(g-float64(w)) > 5e-6*peak {
			t.Fatalf("row %d element %d: %v, want %v", row, i, g, w)
		}
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// On the rows of ties the codes may differ, but not what they cost.
func TestCompatTiesCostTheSame(t *testing.T) {
	in := testdata[float32](t, "in_d64.f32")
	meta := testdata[uint16](t, "meta_d64.f16")
	for _, v := range []Variant{E8, D4} {
		for _, n := range []int{4, 10, 38} {
			codes := testdata[int8](t, fmt.Sprintf("code_%v_q%d_d64.i8", v, n))
			q, err := New(Params{Variant: v, Q: n, Dim: 64, Compat: true})
			if err != nil {
				t.Fatal(err)
			}
			s := q.NewScratch()
			z := make([]int16, 64)
			for row := exactRows; row < allRows; row++ {
				x := in[row*64 : (row+1)*64]
				side, err := q.Box(z, x, s)
				if err != nil {
					t.Fatal(err)
				}
				if norm := half.FromFloat16(meta[2*row]); math.IsInf(float64(norm), 0) {
					continue
				}
				mine, theirs := make([]float32, 64), make([]float32, 64)
				q.Decode(mine, z, side, s)
				clamped := leavesLattice(v, z, n)
				for i := range 64 {
					z[position(i)] = int16(codes[row*64+i])
				}
				if clamped || leavesLattice(v, z, n) {
					continue // points that are equally near cost differently once clamped
				}
				q.Decode(theirs, z, uint32(meta[2*row])|uint32(meta[2*row+1])<<16, s)
				a, b, e := squaredError(mine, x), squaredError(theirs, x), squaredError(x, nil)
				if math.Abs(a-b) > 1e-5*max(a, b)+1e-6*e {
					t.Errorf("%v q%d row %d: squared error %g, reference %g of %g", v, n, row, a, b, e)
				}
			}
		}
	}
}

// leavesLattice says whether the clamp takes a block off the lattice.
func leavesLattice(v Variant, z []int16, q int) bool {
	for b := range 64 / v.Block() {
		first, stride := v.BlockPositions(b)
		code := make([]int16, v.Block())
		for j := range code {
			code[j] = min(max(z[first+j*stride], int16(-2*q)), int16(2*q))
		}
		if !inLattice(v, code) {
			return true
		}
	}
	return false
}

func squaredError(x, y []float32) (sum float64) {
	for i, v := range x {
		d := float64(v)
		if y != nil {
			d -= float64(y[i])
		}
		sum += d * d
	}
	return sum
}
