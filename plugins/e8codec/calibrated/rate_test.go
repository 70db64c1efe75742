package calibrated_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated/calibratedtest"
)

// Between two rates every q takes more bytes and loses less than the one before it.
func TestEveryQBetweenRates(t *testing.T) {
	m := mustModel(t, calibratedtest.Some(1, 3, 2, 16, 2, 3))
	least, most := m.Qs()
	if least != 15 || most != 34 {
		t.Fatalf("from %d to %d", least, most)
	}
	size, lost := 0, math.Inf(1)
	for q := least; q <= most; q++ {
		c := mustCoder(t, m, q, calibrated.Page, contract.F32)
		page := somePage(c.Shape(), 1, 0, 64)
		frame, err := c.Encode(t.Context(), nil, page...)
		if err != nil {
			t.Fatal(err)
		}
		back := blank(page)
		if err := c.Decode(t.Context(), frame, back...); err != nil {
			t.Fatal(err)
		}
		noise := 0.0
		for i := range page {
			noise += distance(c.Shape(), page[i], back[i])
		}
		if len(frame) <= size || noise >= lost {
			t.Errorf("q%d: %d bytes and an error of %v after %d and %v", q, len(frame), noise, size, lost)
		}
		size, lost = len(frame), noise
		if err := c.RoundTrip(t.Context(), page...); err != nil {
			t.Fatal(err)
		}
		for i := range page {
			if !bytes.Equal(page[i].Data, back[i].Data) {
				t.Fatalf("q%d: RoundTrip is not Decode of Encode", q)
			}
		}
	}
	for _, q := range []int{0, least - 1, most + 1} {
		if _, err := m.New(shapeOf(m, contract.F32), q, calibrated.Page); !errors.Is(err, base.ErrInvalid) {
			t.Errorf("q%d: %v", q, err)
		}
	}
}

// distance is the squared error.
func distance(s contract.Shape, a, b contract.Vectors) (sum float64) {
	n := a.Tokens * s.TokenElements()
	x, y := make([]float32, n), make([]float32, n)
	s.Type.Load(x, a.Data)
	s.Type.Load(y, b.Data)
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		sum += d * d
	}
	return sum
}
