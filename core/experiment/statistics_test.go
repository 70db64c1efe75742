package experiment

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

const runs = 1000 // of each simulation, with fixed seeds

// misses counts the runs in which an interval leaves out the truth at any of the looks that watch takes.
func misses(watch func(r *rand.Rand) (held bool)) int {
	n := 0
	for seed := range runs {
		if !watch(rand.New(rand.NewPCG(uint64(seed), 1))) {
			n++
		}
	}
	return n
}

// atMost is how many of the runs may miss: the mean at alpha and three standard deviations.
func atMost(alpha float64) int {
	return int(alpha*runs + 3*math.Sqrt(alpha*(1-alpha)*runs))
}

func holds(i Interval, truth float64) bool { return i.Low <= truth && truth <= i.High }

// noises are around 0.
var noises = map[string]func(r *rand.Rand) float64{
	"normal": func(r *rand.Rand) float64 { return 0.2 * r.NormFloat64() },
	"skewed": func(r *rand.Rand) float64 { return 0.1 * (r.ExpFloat64() + r.ExpFloat64() + r.ExpFloat64() - 3) },
	"two":    func(r *rand.Rand) float64 { return 0.5 * float64(1-2*r.IntN(2)) },
	"outlier": func(r *rand.Rand) float64 {
		return 0.1*r.NormFloat64() + 2*float64(r.IntN(40)/39)*float64(1-2*r.IntN(2))
	},
}

func TestMeanHoldsAtEveryLook(t *testing.T) {
	for name, noise := range noises {
		for _, alpha := range []float64{0.05, 0.0125} {
			t.Run(fmt.Sprintf("%s %g", name, alpha), func(t *testing.T) {
				n := misses(func(r *rand.Rand) bool {
					var m Mean
					for range 2000 {
						m.Add(1 + noise(r))
						if m.N >= enough && !holds(m.Interval(alpha), 1) {
							return false
						}
					}
					return true
				})
				t.Logf("%d of %d missed", n, runs)
				require.LessOrEqual(t, n, atMost(alpha))
			})
		}
	}
}

// What the simulations above would find of intervals that hold at one look.
func TestIntervalsForOneLookDoNotHold(t *testing.T) {
	n := misses(func(r *rand.Rand) bool {
		var m Mean
		for range 2000 {
			m.Add(r.NormFloat64())
			w := 1.96 * math.Sqrt(m.Variance()/float64(m.N))
			if m.N >= enough && math.Abs(m.Value) > w {
				return false
			}
		}
		return true
	})
	require.Greater(t, n, 4*atMost(0.05))
}

// The mean of what drifts is the mean so far.
func TestMeanHoldsWhereTheTruthDrifts(t *testing.T) {
	n := misses(func(r *rand.Rand) bool {
		var m, truth Mean
		for i := range 2000 {
			level := 0.5 * math.Sin(float64(i)/100)
			truth.Add(level)
			m.Add(level + 0.2*r.NormFloat64())
			if m.N >= enough && !holds(m.Interval(0.05), truth.Value) {
				return false
			}
		}
		return true
	})
	require.LessOrEqual(t, n, atMost(0.05))
}

// The price of being asymptotic: strong skewness (2, that of an exponential distribution) and a small alpha
// miss up to two and a half times as often as stated.
func TestMeanOfStrongSkewness(t *testing.T) {
	n := misses(func(r *rand.Rand) bool {
		var m Mean
		for range 2000 {
			m.Add(r.ExpFloat64())
			if m.N >= enough && !holds(m.Interval(0.0125), 1) {
				return false
			}
		}
		return true
	})
	t.Logf("%d of %d missed", n, runs)
	require.LessOrEqual(t, n, atMost(2*0.0125))
}

func TestContrastHoldsAtEveryLook(t *testing.T) {
	for name, noise := range noises {
		for _, p := range []float64{0.5, 0.1, 0.9} {
			t.Run(fmt.Sprintf("%s %g", name, p), func(t *testing.T) {
				n := misses(func(r *rand.Rand) bool {
					var c Contrast
					for i := range 2000 {
						arm, x := A, 3+0.5*math.Sin(float64(i)/200)+noise(r)
						if r.Float64() < p {
							arm, x = B, x+0.1
						}
						c.Add(arm, x, p)
						if c.ready() && !holds(c.Interval(0.05), 0.1) {
							return false
						}
					}
					return true
				})
				t.Logf("%d of %d missed", n, runs)
				require.LessOrEqual(t, n, atMost(0.05))
			})
		}
	}
}

func TestShareHoldsAtEveryLook(t *testing.T) {
	for _, p := range []float64{0, 0.01, 0.3, 0.97, 1} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			n := misses(func(r *rand.Rand) bool {
				var s Share
				for range 2000 {
					s.Event(r.Float64() < p)
					if (s.N < 20 || s.N%40 == 0) && !holds(s.Interval(0.05), p) {
						return false
					}
				}
				return true
			})
			t.Logf("%d of %d missed", n, runs)
			require.LessOrEqual(t, n, atMost(0.05))
		})
	}
	n := misses(func(r *rand.Rand) bool { // not 0 and 1 alone
		var s Share
		for range 2000 {
			s.Add(math.Sqrt(r.Float64()))
			if (s.N < 20 || s.N%40 == 0) && !holds(s.Interval(0.05), 2.0/3) {
				return false
			}
		}
		return true
	})
	require.LessOrEqual(t, n, atMost(0.05))
}

// A difference of 5 % is found, at the latest after so many observations, in all runs but one in a hundred.
func TestPower(t *testing.T) {
	for _, c := range []struct {
		p      float64 // 0: pairs
		within int
	}{{0, 160}, {0.5, 800}, {0.1, 2200}} {
		t.Run(fmt.Sprint(c.p), func(t *testing.T) {
			late := misses(func(r *rand.Rand) bool {
				var pairs Mean
				var contrast Contrast
				for range c.within {
					interval := Interval{Low: -1}
					if x := 0.1 * r.NormFloat64(); c.p == 0 {
						if pairs.Add(math.Log(1.05) + x); pairs.N >= enough {
							interval = pairs.Interval(0.05)
						}
					} else {
						arm := A
						if r.Float64() < c.p {
							arm, x = B, x+math.Log(1.05)
						}
						if contrast.Add(arm, x, c.p); contrast.ready() {
							interval = contrast.Interval(0.05)
						}
					}
					if interval.Low > 0 {
						return true
					}
				}
				return false
			})
			t.Logf("%d of %d did not find it within %d", late, runs, c.within)
			require.LessOrEqual(t, late, runs/100)
		})
	}
}

// Where a share is 0 or 1 the ends have a closed form: (1−p)^n = α·C(2n, n)/4^n.
func TestShareKnownValues(t *testing.T) {
	for _, n := range []int{1, 10, 300} {
		central := 1.0 // C(2n, n)/4^n
		for k := 1; k <= n; k++ {
			central *= float64(2*k-1) / float64(2*k)
		}
		end := 1 - math.Pow(0.05*central, 1/float64(n))
		none, all := Share{N: int64(n)}, Share{N: int64(n), Sum: float64(n)}
		require.InDelta(t, end, none.Interval(0.05).High, 1e-9)
		require.Zero(t, none.Interval(0.05).Low)
		require.InDelta(t, 1-end, all.Interval(0.05).Low, 1e-9)
		require.InDelta(t, 1, all.Interval(0.05).High, 0)
	}
	require.InDelta(t, 0.377, (&Share{N: 10}).Interval(0.05).High, 0.0005) // by hand
	require.Equal(t, Interval{High: 1}, (&Share{}).Interval(0.05))
}

func TestMeanKnownValues(t *testing.T) {
	var m Mean
	require.True(t, math.IsInf(m.Interval(0.05).High, 1))
	for _, x := range []float64{2, 4, 4, 4, 5, 5, 7, 9} {
		m.Add(x)
	}
	require.InDelta(t, 5, m.Value, 1e-12)
	require.InDelta(t, 32.0/7, m.Variance(), 1e-12)

	// t = 300: tρ² = 5.991465 + ln 6.991465 = 7.936155, and
	// sqrt(2·8.936155/(300·7.936155) · ln(sqrt(8.936155)/0.05)) = 0.175238.
	require.InDelta(t, 0.175238, boundary(300, 0.05), 1e-6)
	// Nowhere is there a choice of ρ that is narrower by a hundredth at 300.
	for _, x := range []float64{1, 4, 6, 8.18, 10, 16, 50} {
		w := math.Sqrt(2 * (x + 1) / (300 * x) * math.Log(math.Sqrt(x+1)/0.05))
		require.Greater(t, 1.01*w, boundary(300, 0.05), "tρ² = %g", x)
	}
}

func TestAssignment(t *testing.T) {
	n := 0
	for i := range 10_000 {
		key := fmt.Sprint("session ", i)
		arm := Assign("x", key, 0.1)
		require.Equal(t, arm, Assign("x", key, 0.1))
		if arm == B {
			n++
			require.Equal(t, B, Assign("x", key, 0.2), "a larger split takes nobody from B")
		}
	}
	require.InDelta(t, 1000, n, 90) // three standard deviations
	require.Equal(t, A, Assign("x", "key", 0))
	require.Equal(t, B, Assign("x", "key", 1))
	require.InDelta(t, draw("x", "key"), draw("x", "key"), 0)
	require.NotEqual(t, draw("x", "ykey"), draw("xy", "key"))
	require.Equal(t, "a b", fmt.Sprint(A, " ", B))
}
