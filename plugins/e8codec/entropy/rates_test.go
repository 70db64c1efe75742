package entropy

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kakeyad/kakeyad/plugins/e8codec/half"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

var ratePages = flag.Int("rate.pages", 1, "streams of four tensors of 64 tokens and 4 heads that TestRateTable measures")

// rate is what a format takes and what it loses: bits an element, and the squared error beside
// that of a source of variance one.
type rate struct {
	bits, err float64
}

func (r rate) db() float64  { return -10 * math.Log10(r.err) }
func (r rate) gap() float64 { return 20*math.Log10(2)*r.bits - r.db() } // to D(R) = 2^-2R

// frameBytes is what a frame adds to a stream: its header and the stream's length.
const frameBytes = 28 + 4

// TestRateTable prints, with -v, the table of docs/codec.md, and holds its claims to the light.
//
//	go test ./plugins/e8codec/entropy -run TestRateTable -v -rate.pages 30
func TestRateTable(t *testing.T) {
	var out strings.Builder
	row := func(dim int, format string, q int, r rate) {
		fmt.Fprintf(&out, "| %d | %s | %s | %.3f | %.2f | %.2f |\n", dim, format, qName(q), r.bits, r.db(), r.gap())
	}
	out.WriteString("| D | format | Q | bits | dB | from D(R) |\n|---|---|---|---|---|---|\n")
	for _, dim := range []int{64, 128, 256} {
		x := make([]float32, *ratePages*4*64*4*dim)
		rng := rand.New(rand.NewPCG(1, uint64(dim)))
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		for _, q := range []int{4, 10, 38, 152} {
			p := lattice.Params{Variant: lattice.E8, Q: q, Dim: dim}
			fixed, box, free, head := ratesOf(t, p, x)
			p.Variant = lattice.D4
			fixedD4, _, freeD4, _ := ratesOf(t, p, x)
			z := rateOfIntegers(t, p, x)
			row(dim, "e8 fixed", q, fixed)
			row(dim, "e8 pages, scaling box", q, box)
			row(dim, "e8 pages, scaling vector", q, free)
			row(dim, "e8 pages, scaling head", q, head)
			row(dim, "d4 fixed", q, fixedD4)
			row(dim, "d4 pages, scaling vector", q, freeD4)
			row(dim, "Z, the same entropy code", q, z)
			if box.bits >= fixed.bits || box.err != fixed.err {
				t.Errorf("d%d q%d: pages %+v beside fixed %+v", dim, q, box, fixed)
			}
			if q >= 10 && (free.gap() > 1.45 || head.gap() > free.gap() || z.gap()-free.gap() < 0.4 || free.gap() > freeD4.gap()) {
				t.Errorf("d%d q%d: e8 %.2f dB from D(R), d4 %.2f, Z %.2f", dim, q, free.gap(), freeD4.gap(), z.gap())
			}
		}
		for _, f := range []struct {
			name string
			bits float64
			f    func(x []float32)
		}{{"q8_0", 8.5, q8}, {"q5_0", 5.5, q5}, {"q4_0", 4.5, q4}} {
			row(dim, f.name, 0, rate{f.bits, errorOf(x, f.f)})
			row(dim, f.name+" rotated", 0, rate{f.bits, errorOf(rotated(t, x, dim), f.f)})
		}
	}
	t.Log("\n" + out.String())
}

// TestRotationTable is the part of the table where a rotation matters: the same formats on vectors
// with four channels twenty times the others.
func TestRotationTable(t *testing.T) {
	const dim = 64
	rng := rand.New(rand.NewPCG(2, 2))
	x := make([]float32, *ratePages*4*64*4*dim)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
		if i%dim%17 == 3 {
			x[i] *= 20
		}
	}
	var out strings.Builder
	out.WriteString("| format | bits | dB | dB rotated |\n|---|---|---|---|\n")
	for _, f := range []struct {
		name string
		bits float64
		f    func(x []float32)
	}{{"q8_0", 8.5, q8}, {"q5_0", 5.5, q5}, {"q4_0", 4.5, q4}} {
		a, b := rate{f.bits, errorOf(x, f.f)}, rate{f.bits, errorOf(rotated(t, x, dim), f.f)}
		fmt.Fprintf(&out, "| %s | %.2f | %.2f | %.2f |\n", f.name, f.bits, a.db(), b.db())
		if b.db() < a.db() {
			t.Errorf("%s: rotation loses %.2f dB", f.name, a.db()-b.db())
		}
	}
	for _, n := range []int{4, 10, 38} {
		fixed, box, _, _ := ratesOf(t, lattice.Params{Variant: lattice.E8, Q: n, Dim: dim}, x)
		fmt.Fprintf(&out, "| e8 fixed q%d | %.3f | | %.2f |\n| e8 pages q%d | %.3f | | %.2f |\n",
			n, fixed.bits, fixed.db(), n, box.bits, box.db())
	}
	t.Log("\n" + out.String())
}

// rotated is x with each vector multiplied by the rotation of its dimension.
func rotated(t *testing.T, x []float32, dim int) []float32 {
	t.Helper()
	q, err := lattice.New(lattice.Params{Variant: lattice.E8, Q: 1, Dim: dim})
	if err != nil {
		t.Fatal(err)
	}
	r, y := q.Rotation(), make([]float32, len(x))
	for v := 0; v < len(x); v += dim {
		for i := range dim {
			for j := range dim {
				y[v+i] += r[i*dim+j] * x[v+j]
			}
		}
	}
	return y
}

func qName(q int) string {
	if q == 0 {
		return ""
	}
	return fmt.Sprint(q)
}

func squares(x []float32) (sum float64) {
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

func relative(x, y []float32) float64 {
	var e float64
	for i, v := range x {
		d := float64(v) - float64(y[i])
		e += d * d
	}
	return e / squares(x)
}

// ratesOf measures fixed records, and pages of the same points and of unbounded ones scaled by the
// vector or all alike, keys and values of two layers, 64 tokens of 4 heads, in a stream.
func ratesOf(t *testing.T, p lattice.Params, x []float32) (fixed, box, free, head rate) {
	t.Helper()
	q, err := lattice.New(p)
	if err != nil {
		t.Fatal(err)
	}
	n := len(x) / p.Dim
	y := make([]float32, len(x))
	codes := q.NewCodes(n)
	if err := q.BoxAll(codes, x); err != nil {
		t.Fatal(err)
	}
	q.DecodeAll(y, codes)
	fixed = rate{float64(8*NewFixed(p).RecordBytes()) / float64(p.Dim), relative(x, y)}
	box = rate{pageBits(p, codes, len(x)), fixed.err}
	s := q.NewScratch()
	unbounded := func(meanSquare func(v []float32) float64) rate {
		for i := range n {
			v := x[i*p.Dim : (i+1)*p.Dim]
			scale := q.ScaleFor(meanSquare(v))
			if err := q.Free(q.Vector(codes, i), v, scale, s); err != nil {
				t.Fatal(err)
			}
			codes.Side[i] = uint32(scale)
		}
		q.DecodeAll(y, codes)
		return rate{pageBits(p, codes, len(x)), relative(x, y)}
	}
	free = unbounded(q.MeanSquare)
	all := q.MeanSquare(x)
	head = unbounded(func([]float32) float64 { return all })
	return fixed, box, free, head
}

func pageBits(p lattice.Params, c lattice.Codes, elements int) float64 {
	const heads, tensor, page = 4, 64 * 4, 4 * 64 * 4
	runs := []int{tensor, tensor, tensor, tensor}
	g, enc := NewPages(p, heads), new(Encoder)
	size := len(c.Z) / len(c.Side)
	total := 0
	for i := 0; i < len(c.Side); i += page {
		total += frameBytes + len(g.Encode(nil, c.Z[i*size:(i+page)*size], c.Side[i:i+page], runs, enc))
	}
	return 8 * float64(total) / float64(elements)
}

// rateOfIntegers rounds to Z with the scale of each vector and codes the integers as Pages codes
// E8, but for the coset and the parity, which Z has not.
func rateOfIntegers(t *testing.T, p lattice.Params, x []float32) rate {
	t.Helper()
	q, err := lattice.New(p)
	if err != nil {
		t.Fatal(err)
	}
	var sum, bits float64
	const page, grid = 4 * 64 * 4, 4
	contexts := make([]context, 4)
	enc := new(encoder)
	codes := make([]int, p.Dim)
	pages := NewPages(p, 4)
	for i := range len(x) / p.Dim {
		if i%page == 0 {
			bits += float64(8 * len(enc.bytes(make([]byte, frameBytes, 1<<16))))
			clear(contexts)
		}
		c := &contexts[i%4]
		v := x[i*p.Dim : (i+1)*p.Dim]
		side := uint32(q.ScaleFor(q.MeanSquare(v))) // of the same grid, always
		step := q.Step(side) * 2                    // of a coordinate; a rotation changes nothing for normal data
		energy := uint64(0)
		for j, f := range v {
			codes[j] = int(math.RoundToEven(float64(f) / step))
			d := float64(f) - step*float64(codes[j])
			sum += d * d
			energy += uint64(4 * codes[j] * codes[j])
		}
		k := classOf(energy << energyScale / uint64(p.Dim))
		c.putSide(enc, side, grid, pages.sideParts())
		c.putClass(enc, k, 0)
		w := widthAt(k)
		for _, z := range codes {
			w.symbols.put(enc, z>>w.shift)
			enc.raw(uint64(z)&(1<<w.shift-1), w.shift)
		}
	}
	bits += float64(8*len(enc.bytes(nil))) - 8*float64(frameBytes+stateBytes) + 8*frameBytes
	return rate{bits / float64(len(x)), sum / squares(x)}
}

// errorOf is the squared error of a format that works on 32 elements in place.
func errorOf(x []float32, format func([]float32)) float64 {
	y := append([]float32(nil), x...)
	for i := 0; i < len(y); i += 32 {
		format(y[i : i+32])
	}
	return relative(x, y)
}

func f16(v float32) float32 { return half.FromFloat16(half.ToFloat16(v)) }

// peak is the element of largest magnitude.
func peak(x []float32) (m float32) {
	for _, v := range x {
		if math.Abs(float64(v)) > math.Abs(float64(m)) {
			m = v
		}
	}
	return m
}

// q8, q5 and q4 are ggml's formats q8_0, q5_0 and q4_0: a block of 32 with one f16 scale.
func q8(x []float32) {
	d := float32(math.Abs(float64(peak(x)))) / 127
	for i, v := range x {
		x[i] = float32(math.Round(float64(v/d))) * f16(d)
	}
}

func q5(x []float32) { lowBits(x, 16) }
func q4(x []float32) { lowBits(x, 8) }

func lowBits(x []float32, n int) {
	d := peak(x) / float32(-n)
	for i, v := range x {
		q := min(int(v/d+float32(n)+0.5), 2*n-1)
		x[i] = float32(q-n) * f16(d)
	}
}
