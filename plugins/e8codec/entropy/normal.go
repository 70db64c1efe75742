package entropy

import (
	"math"
	"math/bits"
	"sync"
)

// The discrete normal distribution on a lattice gives a point x the probability exp(-|x|²/2σ²)
// over the sum of all points: of all distributions with its mean square the one that knows least.
// A class is such a distribution; classes are a quarter octave of σ² apart.
//
// Given the coset and the parity of what is still to come, coordinates are independent. With
// ρ = Σ(-1)^u g(u) / Σ g(u) in a coset, the sum of k coordinates is even with probability
// (1 + ρ^k)/2; for the halves ρ is zero by symmetry.
//
// Everything is computed in float64 without a fused operation, by additions, multiplications,
// divisions and square roots, which are exact to the last bit on every machine: encoder and
// decoder may be of different make.
type class struct {
	half   event // of a block of halves; integers take the rest below it
	tables [2][maxBlock][2]*table
	free   [2]*table // knowing nothing of the parity
}

const (
	maxBlock    = 8
	lowestLog   = -6 // class 0 begins at σ² = 2^-6
	classes     = 14 * 4
	energyScale = 10 // energies have this many fractional bits
)

var family [classes]struct {
	once  sync.Once
	class class
}

// classAt builds a class when it is first asked for.
func classAt(k int) *class {
	f := &family[k]
	f.once.Do(func() { f.class = newClass(k) })
	return &f.class
}

// decay is exp(-1/2σ²) in the middle of class k.
func decay(k int) float64 {
	r := firstDecay[k%4]
	for range k / 4 {
		r = math.Sqrt(r)
	}
	return r
}

// firstDecay is exp(-2^(5-(2i+1)/8)): twice the variance of class i is 2^(-5+(2i+1)/8).
var firstDecay = [4]float64{
	0x1.960275b6cee45p-43, 0x1.5204eb2a97ca0p-36,
	0x1.0bc748faa2bd3p-30, 0x1.c65b107e46db1p-26,
}

func newClass(k int) class {
	var c class
	r := decay(k)
	root := math.Sqrt(math.Sqrt(r)) // exp(-(1/2)²/2σ²)
	ints, halves := gauss(1, r, r), gauss(root, float64(r*r), r)
	all, alternating := sums(ints)
	rho := float64(alternating / all)
	allHalves := 0.0
	for _, g := range halves {
		allHalves = float64(allHalves + float64(2*g))
	}
	even := float64(0.5 * float64(eighth(all)+eighth(alternating)))
	odds := float64(0.5 * eighth(allHalves))
	half := int(math.RoundToEven(float64(float64(odds/float64(even+odds)) * probOne)))
	half = min(max(half, 1), probOne-1)
	c.half = newEvent(probOne-half, half)
	for coset, g := range [2][]float64{ints, halves} {
		rk := 1.0 // ρ^k
		c.free[coset] = newTable(spread(g, coset, 1, 1))
		for rest := range maxBlock {
			for parity := range 2 {
				switch {
				case rk < 1.0/256:
					c.tables[coset][rest][parity] = c.free[coset]
				case parity == 0:
					c.tables[coset][rest][parity] = newTable(spread(g, coset, float64(1+rk), float64(1-rk)))
				default:
					c.tables[coset][rest][parity] = newTable(spread(g, coset, float64(1-rk), float64(1+rk)))
				}
			}
			rk = float64(rk * rho)
			if coset == 1 {
				rk = 0
			}
		}
	}
	return c
}

// gauss is weights from first on, each ratio times the one before, ratio falling by r² at each
// step, as far as they matter. There are at least two, so that either parity has a symbol.
func gauss(first, ratio, r float64) []float64 {
	var g []float64
	r2 := float64(r * r)
	sum := 0.0
	for w := first; len(g) < 2 || w > float64(sum*0x1p-17); {
		g = append(g, w)
		sum = float64(sum + float64(2*w))
		w = float64(w * ratio)
		ratio = float64(ratio * r2)
	}
	return g
}

// sums of a symmetric g over the integers, plain and with alternating signs.
func sums(g []float64) (all, alternating float64) {
	sign := 1.0
	for u, w := range g {
		if u > 0 {
			w = float64(2 * w)
		}
		all = float64(all + w)
		alternating = float64(alternating + float64(sign*w))
		sign = -sign
	}
	return all, alternating
}

func eighth(x float64) float64 {
	x = float64(x * x)
	x = float64(x * x)
	return float64(x * x)
}

// spread is a table's weights out of one side of a coset, even and odd integers weighted.
func spread(g []float64, coset int, even, odd float64) (low int, weights []float64) {
	n := len(g)
	low = -(n - 1)
	if coset == 1 {
		low = -n
	}
	total := 0.0
	for u := low; u < n; u++ {
		w := 0.0
		if coset == 1 && u < 0 {
			w = g[-1-u]
		} else if u < 0 {
			w = g[-u]
		} else {
			w = g[u]
		}
		if u&1 == 0 {
			w = float64(w * even)
		} else {
			w = float64(w * odd)
		}
		weights = append(weights, w)
		total = float64(total + w)
	}
	return low, append(weights, float64(total*escapeShare))
}

// escapeShare is what every table keeps for integers it does not list.
const escapeShare = 0x1p-13

// classOf is the class and the number of low bits to be left out for codes of a mean square, in
// fixed point. Codes are twice the coordinate.
func classOf(energy int64) (k, shift int) {
	e := uint64(max(energy, 1))
	n := bits.Len64(e) - 1 // log2, whole
	frac := e << (63 - n) >> 47 & 0xffff
	quarter := 0
	for _, t := range [3]uint64{12397, 27146, 44686} { // 2^(i/4) - 1 in 16 bits
		if frac >= t {
			quarter++
		}
	}
	k = (n-energyScale-2-lowestLog)*4 + quarter
	for k >= classes {
		k -= 8
		shift++
	}
	return max(k, 0), shift
}
