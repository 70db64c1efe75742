package entropy

import (
	"math"
	"math/bits"
)

// The discrete normal distribution on a lattice gives a point x the probability exp(-|x|²/2σ²)
// over the sum of all points: of all distributions with its mean square the one that knows least.
// A class is such a distribution; classes are half an octave of σ² apart.
//
// Given the coset and the parity of what is still to come, coordinates are independent. With
// ρ = Σ(-1)^u g(u) / Σ g(u) in a coset, the sum of k coordinates is even with probability
// (1 + ρ^k)/2; for the halves ρ is zero by symmetry.
//
// Everything is computed in float64 without a fused operation, by additions, multiplications,
// divisions and square roots, which are exact to the last bit on every machine: encoder and
// decoder may be of different make.
const (
	maxBlock    = 8
	lowestLog   = -6 // class 0 begins at σ² = 2^-6
	classes     = 68 // the last one is that of the largest codes
	energyScale = 10 // energies have this many fractional bits

	// From class firstWide on the low bits of coordinates are stored as they are, so many that the
	// rest is as wide as in one of the four classes from leastWide on.
	firstWide = 22
	leastWide = 18
)

// classOf is the class of codes of a mean square, in fixed point. Codes are twice the coordinate.
func classOf(energy uint64) int {
	e := max(energy, 1)
	n := bits.Len64(e) - 1 // log2, whole
	k := (n - energyScale - 2 - lowestLog) * 2
	if e<<(63-n)>>47&0xffff >= 27146 { // √2 - 1 in 16 bits
		k++
	}
	return min(max(k, 0), classes-1)
}

// widthOf is how many low bits of a class are stored as they are, and the class that the rest has.
func widthOf(class int) (shift, narrow int) {
	if class < firstWide {
		return 0, class
	}
	return 1 + (class-firstWide)/4, leastWide + (class-firstWide)%4
}

// decay is exp(-1/2σ²) in the middle of class k.
func decay(k int) float64 {
	r := firstDecay[k%2]
	for range k / 2 {
		r = math.Sqrt(r)
	}
	return r
}

// firstDecay is exp(-2^(5-(2i+1)/4)): twice the variance of class i is 2^(-5+(2i+1)/4).
var firstDecay = [2]float64{0x1.21cfdab2c8ceep-39, 0x1.76a5abe0e96dap-28}

// distribution is one side of a symmetric distribution on either coset of the integers: weights of 0, 1, 2, ...
// and of ½, 3/2, 5/2, ...
type distribution struct{ ints, halves []float64 }

// newNormal is that of class k.
func newNormal(k int) distribution {
	r := decay(k)
	root := math.Sqrt(math.Sqrt(r)) // exp(-(1/2)²/2σ²)
	return distribution{gauss(1, r, r), gauss(root, float64(r*r), r)}
}

// gauss is weights from first on, each ratio times the one before, ratio falling by r² at each
// step, as far as they matter. There are at least two, so that either parity has a symbol.
func gauss(first, ratio, r float64) []float64 {
	var g []float64
	r2 := float64(r * r)
	sum := 0.0
	for w := first; len(g) < 2 || w > float64(sum*0x1p-15); {
		g = append(g, w)
		sum = float64(sum + float64(2*w))
		w = float64(w * ratio)
		ratio = float64(ratio * r2)
	}
	return g
}

// half is the share of the halves among the points of E8, in units of 2^-probBits.
func (g distribution) half() int {
	all, alternating := sums(g.ints)
	halves := 0.0
	for _, w := range g.halves {
		halves = float64(halves + float64(2*w))
	}
	even := float64(0.5 * float64(eighth(all)+eighth(alternating)))
	odds := float64(0.5 * eighth(halves))
	half := int(math.RoundToEven(float64(float64(odds/float64(even+odds)) * probOne)))
	return min(max(half, 1), probOne-1)
}

// rho is ρ of the integers.
func (g distribution) rho() float64 {
	all, alternating := sums(g.ints)
	return float64(alternating / all)
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

// table is that of the coordinates ⌊x⌋ in a coset, even and odd ones weighted.
func (g distribution) table(coset int, even, odd float64) (*slots, *symbols) {
	side, n := g.ints, len(g.ints)
	low := -(n - 1)
	if coset == 1 {
		side, n = g.halves, len(g.halves)
		low = -n
	}
	var weights []float64
	total := 0.0
	for u := low; u < n; u++ {
		at := max(u, -u)
		if coset == 1 && u < 0 {
			at = -1 - u
		}
		w := side[at]
		if u&1 == 0 {
			w = float64(w * even)
		} else {
			w = float64(w * odd)
		}
		weights = append(weights, w)
		total = float64(total + w)
	}
	return newTable(low, append(weights, float64(total*escapeShare)))
}

// escapeShare is what every table keeps for integers it does not list.
const escapeShare = 0x1p-13
