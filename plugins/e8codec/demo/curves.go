package demo

import (
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
)

// Curve is a format at many sizes.
type Curve struct {
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// formats are those of the codec, the daemon's own first.
var formats = []struct {
	name    string
	coding  frame.Coding
	scaling frame.Scaling
}{
	{"pages", frame.Pages, frame.ScaleBox},
	{"fixed", frame.Fixed, frame.ScaleBox},
	{"pages, scaling head", frame.Pages, frame.ScaleHead},
}

// The sizes of the curves: lattice ranges, and levels of scalar formats.
var (
	ranges = []int{1, 2, 3, 4, 6, 8, 10, 14, 19, 27, 38, 54, 76, 108}
	counts = []int{3, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385}
)

// Curves measures a request's vectors at all sizes; its Q and Vector are no matter. The last curve is scalars
// coded as well as they can be: rotated, with one step for all vectors, the root mean square of all by a number, at the
// entropy of the integers. No bytes are made of those. Scaling head has one step for all vectors too: what is between the
// two is the lattice's gain, less what real bytes take.
func Curves(r Request) ([]Curve, error) {
	r.Q = ranges[0]
	p, x, err := r.params()
	if err != nil {
		return nil, err
	}
	turned, err := rotated(p, x)
	if err != nil {
		return nil, err
	}
	curves := make([]Curve, len(formats)+3)
	for i, f := range formats {
		curves[i].Name = f.name
	}
	scalars := curves[len(formats):]
	scalars[0].Name, scalars[1].Name, scalars[2].Name = "scalar", "rotated scalar", "rotated scalar, entropy"
	for _, p.Q = range ranges {
		for i, f := range formats {
			at, err := measure(p, f.coding, f.scaling, x)
			if err != nil {
				return nil, err
			}
			curves[i].Points = append(curves[i].Points, at)
		}
	}
	y := make([]float32, len(x))
	for _, n := range counts {
		for i, from := range [][]float32{x, turned} {
			at := Point{Name: fmt.Sprintf("%d levels", n), Bits: levels(y, from, p.Dim, n)}
			at.SNR = snr(from, y)
			scalars[i].Points = append(scalars[i].Points, at)
		}
		at := Point{Name: fmt.Sprintf("step σ/%d", n), Bits: entropyCoded(y, turned, float64(n)/8)}
		at.SNR = snr(turned, y)
		scalars[2].Points = append(scalars[2].Points, at)
	}
	return curves, nil
}

// entropyCoded rounds to multiples of the root mean square of all by n and answers with the entropy of the integers,
// in bits an element.
func entropyCoded(y, x []float32, n float64) float64 {
	step := math.Sqrt(energy(x)/float64(len(x))) / n
	seen := map[int]int{}
	for i, v := range x {
		z := 0
		if step > 0 {
			z = int(math.Round(float64(v) / step))
		}
		seen[z]++
		y[i] = float32(float64(z) * step)
	}
	bits := 0.0
	for _, count := range seen {
		share := float64(count) / float64(len(x))
		bits -= share * math.Log2(share)
	}
	return bits
}
