package calibrated_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated/calibratedtest"
)

func TestFramesComeBack(t *testing.T) {
	ctx := t.Context()
	for _, classes := range []int{1, 5} {
		m := mustModel(t, calibratedtest.Some(1, 4, 3, 16, 2, classes))
		for _, how := range []calibrated.How{calibrated.Random, calibrated.Page} {
			for _, q := range []int{15, 34} {
				for _, d := range []contract.DType{contract.F32, contract.F16, contract.BF16} {
					for _, tokens := range []int{1, 7, 64, 65} {
						t.Run(fmt.Sprintf("%d classes, %v, q%d, %v, %d tokens", classes, how, q, d, tokens), func(t *testing.T) {
							c := mustCoder(t, m, q, how, d)
							page := somePage(c.Shape(), 5, 100, tokens)
							frame, err := c.Encode(ctx, []byte("before"), page...)
							if err != nil {
								t.Fatal(err)
							}
							if !bytes.HasPrefix(frame, []byte("before")) {
								t.Fatal("what was there is gone")
							}
							back, trip := blank(page), copied(page)
							if err := c.Decode(ctx, frame[6:], back...); err != nil {
								t.Fatal(err)
							}
							if err := c.RoundTrip(ctx, trip...); err != nil {
								t.Fatal(err)
							}
							for i := range back {
								if !bytes.Equal(back[i].Data, trip[i].Data) {
									t.Fatalf("vectors %d: a round trip is not the decoding of the encoding", i)
								}
							}
							if lost, most := loss(c.Shape(), page, back), map[int]float64{15: 0.05, 34: 0.01}[q]; lost > most {
								t.Errorf("the relative squared error is %.4f, more than %v", lost, most)
							}
						})
					}
				}
			}
		}
	}
}

// TestTokensStandAlone packs tokens together and one by one: each decodes to the same.
func TestTokensStandAlone(t *testing.T) {
	ctx := t.Context()
	m := mustModel(t, calibratedtest.Some(2, 3, 1, 24, 1, 3))
	c := mustCoder(t, m, 15, calibrated.Page, contract.F32)
	page := somePage(c.Shape(), 6, 0, 70)
	together := copied(page)
	if err := c.RoundTrip(ctx, together...); err != nil {
		t.Fatal(err)
	}
	for tok := range 70 {
		size := c.Shape().TokenBytes()
		one := copied(page)
		for i := range one {
			one[i].Pos, one[i].Tokens, one[i].Data = tok, 1, one[i].Data[tok*size:(tok+1)*size]
		}
		if err := c.RoundTrip(ctx, one...); err != nil {
			t.Fatal(err)
		}
		for i := range one {
			if !bytes.Equal(one[i].Data, together[i].Data[tok*size:(tok+1)*size]) {
				t.Fatalf("token %d, vectors %d: alone it decodes to something else", tok, i)
			}
		}
	}
}

// TestOrderDoesNotMatter: vectors are predicted in the order of their layers, whatever that of the call.
func TestOrderDoesNotMatter(t *testing.T) {
	ctx := t.Context()
	m := mustModel(t, calibratedtest.Some(3, 4, 2, 8, 2, 2))
	c := mustCoder(t, m, 15, calibrated.Page, contract.F16)
	page := somePage(c.Shape(), 7, 0, 9)
	a, b := copied(page), copied(page)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	for _, v := range [][]contract.Vectors{a, b} {
		if err := c.RoundTrip(ctx, v...); err != nil {
			t.Fatal(err)
		}
	}
	for i := range a {
		if !bytes.Equal(a[i].Data, b[len(b)-1-i].Data) {
			t.Fatalf("vectors %d differ", i)
		}
	}
}

// TestPredictionNeedsWhatItIsMadeOf: vectors whose layers before are not in the call are packed alone.
func TestPredictionNeedsWhatItIsMadeOf(t *testing.T) {
	ctx := t.Context()
	m := mustModel(t, calibratedtest.Some(4, 4, 2, 8, 2, 1))
	page, random := mustCoder(t, m, 15, calibrated.Page, contract.F32), mustCoder(t, m, 15, calibrated.Random, contract.F32)
	all := somePage(page.Shape(), 8, 3, 5)
	for _, some := range [][]contract.Vectors{all[4:6], all[7:8], {all[2], all[5]}} {
		a, b := copied(some), copied(some)
		if err := errors.Join(page.RoundTrip(ctx, a...), random.RoundTrip(ctx, b...)); err != nil {
			t.Fatal(err)
		}
		for i := range a {
			if !bytes.Equal(a[i].Data, b[i].Data) {
				t.Fatalf("vectors %d of %d differ", i, len(some))
			}
		}
	}
	a, b := copied(all), copied(all)
	if err := errors.Join(page.RoundTrip(ctx, a...), random.RoundTrip(ctx, b...)); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a[6].Data, b[6].Data) {
		t.Error("nothing is predicted where it could be")
	}
}

func TestFramesAreChecked(t *testing.T) {
	ctx := t.Context()
	c := mustCoder(t, mustModel(t, calibratedtest.Some(5, 2, 1, 16, 1, 3)), 15, calibrated.Page, contract.F16)
	page := somePage(c.Shape(), 9, 0, 3)
	frame, err := c.Encode(ctx, nil, page...)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(frame) {
		bad := bytes.Clone(frame)
		bad[bit/8] ^= 1 << (bit % 8)
		want := base.ErrCorrupt
		if bit/8 == 4 {
			want = base.ErrUnsupported
		}
		if err := c.Decode(ctx, bad, blank(page)...); !errors.Is(err, want) {
			t.Fatalf("bit %d changed: %v", bit, err)
		}
	}
	for n := range frame {
		if err := c.Decode(ctx, frame[:n], blank(page)...); !errors.Is(err, base.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if err := c.Decode(ctx, frame, blank(page[:2])...); !errors.Is(err, base.ErrCorrupt) {
		t.Errorf("fewer vectors: %v", err)
	}
	if err := c.Decode(ctx, frame, blank(somePage(c.Shape(), 9, 1, 3))...); !errors.Is(err, base.ErrCorrupt) {
		t.Errorf("other positions: %v", err)
	}
	for name, other := range map[string]*calibrated.Coder{
		"another rate": mustCoder(t, c.Model(), 34, calibrated.Page, contract.F16),
		"another form": mustCoder(t, c.Model(), 15, calibrated.Random, contract.F16),
		"another type": mustCoder(t, c.Model(), 15, calibrated.Page, contract.BF16),
	} {
		if err := other.Decode(ctx, frame, blank(page)...); !errors.Is(err, base.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCalibrationThatIsGone: a frame of another calibration names it.
func TestCalibrationThatIsGone(t *testing.T) {
	ctx := t.Context()
	a := mustCoder(t, mustModel(t, calibratedtest.Some(6, 2, 1, 16, 1, 1)), 15, calibrated.Page, contract.F16)
	b := mustCoder(t, mustModel(t, calibratedtest.Some(7, 2, 1, 16, 1, 1)), 15, calibrated.Page, contract.F16)
	page := somePage(a.Shape(), 10, 0, 4)
	frame, err := a.Encode(ctx, nil, page...)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Decode(ctx, frame, blank(page)...)
	if !errors.Is(err, base.ErrUnsupported) || !bytes.Contains([]byte(err.Error()), []byte(a.Model().Hash().String())) {
		t.Errorf("%v does not name %v", err, a.Model().Hash())
	}
	if a.Format() == b.Format() {
		t.Errorf("both have the format %s", a.Format())
	}
}

func TestStrangeVectors(t *testing.T) {
	ctx := t.Context()
	c := mustCoder(t, mustModel(t, calibratedtest.Some(8, 2, 2, 16, 1, 5)), 15, calibrated.Page, contract.F32)
	for name, x := range map[string]float32{"large": 3e38, "tiny": 1e-40, "zero": 0, "far": -4000} {
		page := somePage(c.Shape(), 11, 5, 3)
		row := make([]float32, c.Shape().TokenElements())
		for i := range row {
			row[i] = x * float32(1-2*(i%2))
		}
		c.Shape().Type.Store(page[2].Data, row)
		frame, err := c.Encode(ctx, nil, page...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back := blank(page)
		if err := c.Decode(ctx, frame, back...); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := make([]float32, len(back[2].Data)/4)
		for i := range back {
			c.Shape().Type.Load(got, back[i].Data)
			if !calibrated.Finite(got...) {
				t.Errorf("%s: vectors %d are not finite", name, i)
			}
		}
	}
	for _, x := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		page := somePage(c.Shape(), 12, 5, 40)
		at := 37*c.Shape().TokenElements() + 16 + 3
		c.Shape().Type.Store(page[3].Data[4*at:], []float32{x})
		var bad *contract.NonFiniteError
		if _, err := c.Encode(ctx, nil, page...); !errors.As(err, &bad) || *bad != (contract.NonFiniteError{Vectors: 3, Token: 37, Head: 1}) {
			t.Errorf("%v: %v", x, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	m := mustModel(t, calibratedtest.Some(9, 2, 1, 16, 1, 1))
	good := shapeOf(m, contract.F16)
	for name, f := range map[string]func(s *contract.Shape, q *int, how *calibrated.How){
		"other layers": func(s *contract.Shape, _ *int, _ *calibrated.How) { s.Layers++ },
		"other heads":  func(s *contract.Shape, _ *int, _ *calibrated.How) { s.KVHeads++ },
		"other dims":   func(s *contract.Shape, _ *int, _ *calibrated.How) { s.HeadDim = 8 },
		"no type":      func(s *contract.Shape, _ *int, _ *calibrated.How) { s.Type = 0 },
		"no rate":      func(_ *contract.Shape, q *int, _ *calibrated.How) { *q = 35 },
		"no form":      func(_ *contract.Shape, _ *int, h *calibrated.How) { *h = 3 },
	} {
		s, q, how := good, 15, calibrated.Page
		f(&s, &q, &how)
		if _, err := m.New(s, q, how); !errors.Is(err, base.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
