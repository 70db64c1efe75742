package frame

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"testing"

	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// The bytes of a frame are a format: they change with the version in its header or not at all, and
// are the same on every machine.
func TestGoldenFrames(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{lattice.Params{Variant: lattice.E8, Q: 38, Dim: 64, Compat: false}, 3, Fixed, ScaleBox}, "f7f72b361db33787"},
		{Options{lattice.Params{Variant: lattice.E8, Q: 152, Dim: 128, Compat: false}, 2, Fixed, ScaleBox}, "356b58e488cf0b5d"},
		{Options{lattice.Params{Variant: lattice.D4, Q: 10, Dim: 96, Compat: false}, 2, Fixed, ScaleBox}, "496bdaac5f03492a"},
		{Options{lattice.Params{Variant: lattice.E8, Q: 4, Dim: 64, Compat: true}, 1, Fixed, ScaleBox}, "48ba1ca1ba9bc19b"},
		{Options{lattice.Params{Variant: lattice.E8, Q: 4, Dim: 64, Compat: false}, 3, Pages, ScaleBox}, "8ab9bb6efc165495"},
		{Options{lattice.Params{Variant: lattice.E8, Q: 255, Dim: 256, Compat: false}, 1, Pages, ScaleBox}, "3d4fdef27cf38a77"},
		{Options{lattice.Params{Variant: lattice.D4, Q: 10, Dim: 80, Compat: false}, 2, Pages, ScaleVector}, "220ce4a9849a0975"},
		{Options{lattice.Params{Variant: lattice.E8, Q: 10, Dim: 64, Compat: false}, 3, Pages, ScaleHead}, "aaa321985dfda864"},
		{Options{lattice.Params{Variant: lattice.E8, Q: 38, Dim: 64, Compat: true}, 2, Pages, ScaleBox}, "a76c2e93a006834e"},
	} {
		x := make([]float32, 70*c.o.Heads*c.o.Params.Dim)
		state := uint32(1)
		for i := range x { // sums of uniform integers: exact everywhere
			sum := int32(0)
			for range 4 {
				state = state*1664525 + 1013904223
				sum += int32(state >> 16)
			}
			x[i] = float32(sum-2<<16) * float32(math.Ldexp(1, i/c.o.Params.Dim%7-16))
		}
		packed, err := mustNew(t, c.o).Encode(nil, OfF32(x))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(packed)
		if got := hex.EncodeToString(sum[:8]); got != c.want {
			t.Errorf("%s q%d: %s, want %s", optionsName(c.o), c.o.Params.Q, got, c.want)
		}
	}
}
