package calibrated_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated/calibratedtest"
)

// scaled is a page whose vectors are so many times as long as what was learned from.
func scaled(c *calibrated.Coder, by float32, tokens int) []contract.Vectors {
	page := somePage(c.Shape(), 4, 0, tokens)
	x := make([]float32, tokens*c.Shape().TokenElements())
	for _, v := range page {
		c.Shape().Type.Load(x, v.Data)
		for i := range x {
			x[i] *= by
		}
		c.Shape().Type.Store(v.Data, x)
	}
	return page
}

// finer is what a frame's head says of its chains.
func finer(frame []byte) int { return int(frame[14]) | int(frame[15])<<8 }

// What is wider than learned gets finer steps from the fourth layer on, and RoundTrip does as a page does.
func TestGuard(t *testing.T) {
	m := mustModel(t, calibratedtest.Some(5, 8, 2, 16, 2, 3))
	lost := map[int][2]float64{} // by q: of the first three layers and of the others
	for _, q := range []int{15, 20, 34} {
		c := mustCoder(t, m, q, calibrated.Page, contract.F32)
		for by, want := range map[float32]int{0.25: 0, 8: 1} {
			if q == 34 { // there is nothing finer
				want = 0
			}
			page := scaled(c, by, 40)
			frame, err := c.Encode(t.Context(), nil, page...)
			if err != nil {
				t.Fatal(err)
			}
			if finer(frame) != want {
				t.Errorf("q%d, %v times as wide: finer steps %b, not %b", q, by, finer(frame), want)
			}
			back := blank(page)
			if err := c.Decode(t.Context(), frame, back...); err != nil {
				t.Fatal(err)
			}
			var e [2]float64
			for i := range page {
				e[min(1, page[i].Layer/3)] += distance(c.Shape(), page[i], back[i])
			}
			if by == 8 {
				lost[q] = e
			}
			if err := c.RoundTrip(t.Context(), page...); err != nil {
				t.Fatal(err)
			}
			for i := range page {
				if !bytes.Equal(page[i].Data, back[i].Data) {
					t.Fatalf("q%d, %v times as wide: RoundTrip is not Decode of Encode", q, by)
				}
			}
		}
	}
	first, others := lost[15][0]/lost[20][0], lost[15][1]/lost[34][1]
	if first < 1.2 || others > 12 {
		t.Errorf("the first layers lose %.2f times what they do at q20, the others %.2f times what they do at q34", first, others)
	}
}

// Without the layers that it looks at, of few tokens, or where nothing is predicted, there is no guard; each run of tokens has its own.
func TestGuardLooksAtChains(t *testing.T) {
	m := mustModel(t, calibratedtest.Some(5, 8, 2, 16, 2, 3))
	page, random := mustCoder(t, m, 15, calibrated.Page, contract.F32), mustCoder(t, m, 15, calibrated.Random, contract.F32)
	encode := func(c *calibrated.Coder, v ...contract.Vectors) []byte {
		frame, err := c.Encode(t.Context(), nil, v...)
		if err != nil {
			t.Fatal(err)
		}
		return frame
	}
	wide := scaled(page, 8, 40)
	for name, frame := range map[string][]byte{
		"no first layer": encode(page, wide[2:]...), "few tokens": encode(page, scaled(page, 8, 15)...), "random": encode(random, wide...), "no guard": encode(page.WithoutGuard(), wide...),
	} {
		if finer(frame) != 0 {
			t.Errorf("%s: finer steps %b", name, finer(frame))
		}
	}
	both := scaled(page, 0.25, 40)
	for _, v := range wide {
		v.Pos = 64
		both = append(both, v)
	}
	frame := encode(page, both...)
	if finer(frame) != 2 {
		t.Errorf("finer steps %b, not those of the second run of tokens", finer(frame))
	}
	for bit, want := range map[int]error{0: nil, 2: base.ErrCorrupt, 9: base.ErrCorrupt} {
		other := bytes.Clone(frame)
		other[14+bit/8] ^= 1 << (bit % 8)
		calibrated.SealFrame(other)
		err := page.Decode(t.Context(), other, blank(both)...)
		if want != nil && !errors.Is(err, want) {
			t.Errorf("finer steps of chain %d: %v", bit, err)
		}
	}
}
