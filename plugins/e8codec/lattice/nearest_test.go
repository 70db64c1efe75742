package lattice

import (
	"math"
	"math/rand/v2"
	"testing"
)

// inLattice says whether doubled coordinates are a point of the lattice.
func inLattice(v Variant, code []int16) bool {
	sum := 0
	for _, c := range code {
		if (c^code[0])&1 != 0 {
			return false
		}
		sum += int(c)
	}
	return sum%4 == 0 && (v == E8 || code[0]&1 == 0)
}

// bestInBox is the smallest squared distance from y to a point of the lattice with coordinates
// within ±q, by dynamic programming over the parity of each coset.
func bestInBox(v Variant, y []float32, q int) float64 {
	best := math.Inf(1)
	for coset := range 2 {
		if v == D4 && coset == 1 {
			break
		}
		cost := [2]float64{0, math.Inf(1)} // by the parity of the sum so far
		for _, yj := range y {
			next := [2]float64{math.Inf(1), math.Inf(1)}
			for a := -q; a <= q-coset; a++ {
				d := float64(yj) - float64(a) - float64(coset)/2
				for parity, c := range cost {
					at := (parity + a + 2*q) & 1
					next[at] = min(next[at], c+d*d)
				}
			}
			cost = next
		}
		best = min(best, cost[0]) // eight halves add up to four, which is even
	}
	return best
}

func TestNearestIsTheBestPointOfTheBox(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, v := range []Variant{E8, D4} {
		n := v.Block()
		for _, q := range []int{1, 2, 4, 10} {
			for trial := range 40 {
				var y [Tile]float32
				for i := range y {
					switch trial % 4 {
					case 0:
						y[i] = float32(rng.NormFloat64()) * float32(q) / 2
					case 1: // the faces and the edges of the box
						y[i] = float32(q) - float32(rng.ExpFloat64())/4
						if rng.IntN(2) == 0 {
							y[i] = -y[i]
						}
					case 2: // ties
						y[i] = float32(rng.IntN(4*q+1)-2*q) / 2
					default:
						y[i] = float32(rng.Float64()*2-1) * float32(q)
					}
					y[i] = min(max(y[i], -float32(q)), float32(q))
				}
				var z [Tile]int16
				limit := float32(q) - boxMargin
				if v == E8 {
					nearestE8(&z, &y, 1, limit, float32(q))
				} else {
					nearestD4(&z, &y, 1, limit)
				}
				for b := range Tile / n {
					first, stride := v.BlockPositions(b)
					code, in := make([]int16, n), make([]float32, n)
					var cost float64
					for j := range n {
						code[j], in[j] = z[first+j*stride], y[first+j*stride]
						d := float64(in[j]) - float64(code[j])/2
						cost += d * d
						if code[j] < int16(-2*q) || code[j] > int16(2*q) {
							t.Fatalf("%v q%d: %v leaves the box for %v", v, q, code, in)
						}
					}
					if !inLattice(v, code) {
						t.Fatalf("%v q%d: %v is no lattice point", v, q, code)
					}
					if best := bestInBox(v, in, q); cost > best+16*boxMargin {
						t.Fatalf("%v q%d: %v for %v costs %v, best %v", v, q, code, in, cost, best)
					}
				}
			}
		}
	}
}

func TestNearestWithoutBoxIsTheNearestOfAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		var y [Tile]float32
		for i := range y {
			y[i] = float32(rng.NormFloat64()) * 3
		}
		var z [Tile]int16
		nearestE8(&z, &y, 1, maxCode/2, math.MaxInt16)
		for b := range 8 {
			code, in := make([]int16, 8), make([]float32, 8)
			var cost float64
			for j := range 8 {
				code[j], in[j] = z[8*j+b], y[8*j+b]
				d := float64(in[j]) - float64(code[j])/2
				cost += d * d
			}
			if best := bestInBox(E8, in, 24); !inLattice(E8, code) || cost > best+1e-5 {
				t.Fatalf("%v for %v costs %v, best %v", code, in, cost, best)
			}
		}
	}
}

// The second moment a dimension of the cells of E8 is 929/12960, of D4 13/120.
func TestSecondMoments(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for v, want := range map[Variant]float64{E8: 929.0 / 12960, D4: 13.0 / 120} {
		var sum float64
		const tiles = 3000
		for range tiles {
			var y [Tile]float32
			for i := range y {
				y[i] = float32(rng.Float64() * 16)
			}
			var z [Tile]int16
			if v == E8 {
				nearestE8(&z, &y, 1, maxCode/2, math.MaxInt16)
			} else {
				nearestD4(&z, &y, 1, maxCode/2)
			}
			for i := range y {
				d := float64(y[i]) - float64(z[i])/2
				sum += d * d
			}
		}
		if got := sum / (tiles * Tile); math.Abs(got/want-1) > 0.01 {
			t.Errorf("%v: second moment %v, want %v", v, got, want)
		}
	}
}
