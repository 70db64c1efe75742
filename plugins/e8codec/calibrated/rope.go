package calibrated

import (
	"fmt"
	"math"
)

// Rope is the rotary embedding of K, which is undone before K is packed: channels of a head are turned two by two,
// by the token's position times a frequency.
type Rope struct {
	Pairs       Pairs
	Dims        int         // channels of a head that are turned, from the first on
	Frequencies [][]float32 // sets of them, [Dims/2] each
	Of          []uint8     // [layers]: which set
}

// Pairs says which channels of a head are turned together.
type Pairs uint8

// The pairs that there are. The values are those in a file.
const (
	NoPairs    Pairs = 0
	Neighbours Pairs = 1 // 2i and 2i+1
	Halves     Pairs = 2 // i and i+Dims/2
)

func (r *Rope) check(layers, headDim int) error {
	if r.Pairs == NoPairs && r.Dims == 0 && len(r.Frequencies) == 0 && len(r.Of) == 0 {
		return nil
	}
	if r.Pairs != Neighbours && r.Pairs != Halves || r.Dims < 2 || r.Dims%2 != 0 || r.Dims > headDim || len(r.Of) != layers || len(r.Frequencies) > maxBins {
		return fmt.Errorf("rope does not fit")
	}
	for _, f := range r.Frequencies {
		if len(f) != r.Dims/2 || !finite(f...) {
			return fmt.Errorf("rope: frequencies do not fit")
		}
	}
	for _, set := range r.Of {
		if int(set) >= len(r.Frequencies) {
			return fmt.Errorf("rope: frequencies %d, there are %d", set, len(r.Frequencies))
		}
	}
	return nil
}

// angles are the cosines and sines of one position, for each set of frequencies.
type angles struct{ cos, sin [][]float32 }

// at finds those of a position.
func (r *Rope) at(pos int) (a angles) {
	for _, set := range r.Frequencies {
		cos, sin := make([]float32, len(set)), make([]float32, len(set))
		for i, f := range set {
			s, c := math.Sincos(float64(pos) * float64(f))
			cos[i], sin[i] = float32(c), float32(s)
		}
		a.cos, a.sin = append(a.cos, cos), append(a.sin, sin)
	}
	return a
}

// turn turns a token's keys of a layer, [kv_heads, headDim], to the position of the angles, or back from it.
func (r *Rope) turn(x []float32, headDim, layer int, a *angles, back bool) {
	if r.Pairs == NoPairs {
		return
	}
	cos, sin := a.cos[r.Of[layer]], a.sin[r.Of[layer]]
	stride, apart := 2, 1
	if r.Pairs == Halves {
		stride, apart = 1, r.Dims/2
	}
	for ; len(x) > 0; x = x[headDim:] {
		for i, c := range cos {
			s := sin[i]
			if back {
				s = -s
			}
			u, v := &x[stride*i], &x[stride*i+apart]
			*u, *v = float32(*u*c)-float32(*v*s), float32(*u*s)+float32(*v*c)
		}
	}
}
