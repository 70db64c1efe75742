package calibrated_test

import (
	"bytes"
	"slices"
	"testing"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated/calibratedtest"
)

// A page that is asked for layer after layer, each time with the layers before, is at every time what a coder that saw
// nothing of it makes; so is one whose layers change in between, and one that comes again with fewer.
func TestPagesThatGrow(t *testing.T) {
	m := mustModel(t, calibratedtest.Some(5, 8, 2, 16, 2, 3))
	for _, by := range []float32{0.25, 8} { // the guard finds the second unlike
		old := mustCoder(t, m, 15, calibrated.Page, contract.F32)
		same := func(v []contract.Vectors) {
			t.Helper()
			a, b := copies(v), copies(v)
			slices.Reverse(b) // in any order
			if err := old.RoundTrip(t.Context(), b...); err != nil {
				t.Fatal(err)
			}
			slices.Reverse(b)
			if err := mustCoder(t, m, 15, calibrated.Page, contract.F32).RoundTrip(t.Context(), a...); err != nil {
				t.Fatal(err)
			}
			for i := range a {
				if !bytes.Equal(a[i].Data, b[i].Data) {
					t.Fatalf("%v: of %d vectors those of layer %d, part %d differ", by, len(v), a[i].Layer, a[i].Part)
				}
			}
		}
		page := scaled(old, by, 40)
		for n := 1; n <= len(page); n++ { // also with a layer's keys alone
			same(page[:n])
		}
		same(page)
		same(page[:8])
		other := scaled(old, by/2, 40)
		same(append(copies(page[:6]), other[6:]...))
		same(append(copies(other[:2]), page[2:]...))
		same(page[4:])
		for pos := range 100 { // more than are kept
			for i := range page {
				page[i].Pos = 64 * pos
			}
			same(page[:6])
		}
	}
}

func copies(v []contract.Vectors) []contract.Vectors {
	out := slices.Clone(v)
	for i := range out {
		out[i].Data = bytes.Clone(v[i].Data)
	}
	return out
}
