package speculate

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// twoCores is what steps cost on two CPU cores, in single tokens (docs/drafters.md).
func twoCores() *Curve {
	c := &Curve{}
	for n, cost := range map[int]float64{1: 1, 2: 1.5, 4: 2.4, 8: 3.9, 16: 7.2, 32: 14} {
		c.Measured(n, time.Duration(cost*float64(10*time.Millisecond)))
	}
	return c
}

func TestCurve(t *testing.T) {
	var none Curve
	if none.Known() || none.Cost(1) != none.Cost(50) {
		t.Error("an unknown curve is not flat")
	}
	c := twoCores()
	for n, want := range map[int]float64{1: 0.010, 2: 0.015, 3: 0.0195, 4: 0.024, 6: 0.0315, 8: 0.039, 24: 0.106, 32: 0.14, 64: 0.276} {
		if got := c.Cost(n); math.Abs(got-want) > 1e-9 {
			t.Errorf("%d tokens cost %v, want %v", n, got, want)
		}
	}
	c.Measured(4, time.Second)
	if c.Cost(4) != 0.024 {
		t.Error("a longer measurement replaced a shorter")
	}
	c.Measured(16, time.Millisecond) // less than a single token
	for n := 1; n < 64; n++ {
		if c.Cost(n+1) < c.Cost(n) {
			t.Errorf("%d tokens cost less than %d", n+1, n)
		}
	}
}

// TestCurveFollows wants a machine that has become twice as slow to be noticed, and a single hiccup
// to change little.
func TestCurveFollows(t *testing.T) {
	c := twoCores()
	c.Observed(4, 10*time.Second)
	if got := c.Cost(4); got > 0.024*1.1 {
		t.Errorf("after a hiccup 4 tokens cost %v", got)
	}
	for range 100 {
		c.Observed(4, 48*time.Millisecond)
		c.Observed(7, time.Second) // no knot
	}
	if got := c.Cost(4); math.Abs(got-0.048) > 0.001 {
		t.Errorf("4 tokens cost %v, want 0.048", got)
	}
	var fresh Curve
	fresh.Observed(2, time.Millisecond)
	if fresh.Cost(2) != 0.001 {
		t.Errorf("got %v", fresh.Cost(2))
	}
}

func TestChances(t *testing.T) {
	all := NewChances()
	one, other := all.Child(), all.Child()
	for range 50 {
		one.Learn(4, 3, nil) // the fourth never
	}
	p := one.Append(nil, 4, nil)
	if p[2] < 0.8 || p[3] > 0.15 {
		t.Errorf("chances %v", p)
	}
	q := other.Append(nil, 4, nil)
	if q[2] < 0.8 || q[3] > 0.15 {
		t.Errorf("another request begins with %v", q)
	}
	if far := other.Append(nil, 6, nil); far[5] > 0.05 {
		t.Errorf("behind places that fail, a place that was never tried is expected to do better: %v", far)
	}
	good := NewChances()
	for range 50 {
		good.Learn(2, 2, nil)
	}
	if far := good.Append(nil, 5, nil); far[4] < 0.75 {
		t.Errorf("behind places that are right, places that were never tried are expected to fail: %v", far)
	}
	for range 30 {
		other.Learn(4, 0, nil)
	}
	if p := other.Append(nil, 1, nil); p[0] > 0.2 {
		t.Errorf("a request whose drafts fail expects %v", p)
	}
	fresh := NewChances()
	c := fresh.Append(nil, 3, []float32{1, 0.95, 0})
	if c[0] < 0.9 || c[1] > c[0] || c[2] > 0.06 {
		t.Errorf("by confidence %v", c)
	}
	for range 40 {
		fresh.Learn(1, 0, []float32{0.95}) // it boasts
	}
	if c := fresh.Append(nil, 1, []float32{0.99}); c[0] > 0.2 {
		t.Errorf("a boaster is believed: %v", c)
	}
}

// TestDecide compares with all ways to share.
func TestDecide(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	var s Sharing
	for range 300 {
		curve := twoCores()
		base := 1 + source.IntN(4)
		proposals := make([]Proposal, 1+source.IntN(3))
		for i := range proposals {
			p := 1.0
			for range source.IntN(5) {
				p *= source.Float64()
				proposals[i].Chances = append(proposals[i].Chances, p)
			}
		}
		most := source.IntN(12)
		s.Decide(curve, base, base, most, proposals)
		got, n := value(curve, base, proposals, func(i int) int { return proposals[i].Take })
		if n > most {
			t.Fatalf("%d tokens taken, there is room for %d", n, most)
		}
		plain := float64(base) / curve.Cost(base)
		if n > 0 && got <= plain*gain {
			t.Fatalf("drafting %d tokens brings %v, plain %v", n, got, plain)
		}
		takes := make([]int, len(proposals))
		for {
			v, n := value(curve, base, proposals, func(i int) int { return takes[i] })
			if n <= most && v > max(got, plain*gain)+1e-9 {
				t.Fatalf("taking %v of %v brings %v, decided was %v", takes, proposals, v, got)
			}
			i := 0
			for i < len(takes) {
				if takes[i]++; takes[i] <= len(proposals[i].Chances) {
					break
				}
				takes[i] = 0
				i++
			}
			if i == len(takes) {
				break
			}
		}
	}
}

func value(curve *Curve, base int, proposals []Proposal, take func(int) int) (rate float64, tokens int) {
	commits := float64(base)
	for i := range proposals {
		for _, p := range proposals[i].Chances[:take(i)] {
			commits += p
			tokens++
		}
	}
	return commits / curve.Cost(base+tokens), tokens
}

func TestReachFloorWorth(t *testing.T) {
	c := twoCores()
	if n := Reach(c, 1, 1, 64); n < 7 {
		t.Errorf("certain tokens are worth %d", n)
	}
	steep := &Curve{}
	for _, n := range []int{1, 2, 4, 8} {
		steep.Measured(n, time.Duration(n)*time.Second)
	}
	if n := Reach(steep, 1, 1, 64); n != 0 {
		t.Errorf("where tokens cost the same together, %d are worth it", n)
	}
	if f := Floor(steep, 1, 1, 8); f < 0.99 {
		t.Errorf("there the floor is %v", f)
	}
	if f := Floor(c, 1, 1, 16); f < 0.3 || f > 0.5 {
		t.Errorf("the floor is %v", f)
	}
	if f := Floor(&Curve{}, 1, 1, 16); f != 0 {
		t.Errorf("where steps cost the same the floor is %v", f)
	}
	chances := []float64{0.95, 0.9, 0.85, 0.8}
	if n := Worth(c, 1, 1, 0, 0, chances); n < 3 {
		t.Errorf("likely and free: %d", n)
	}
	if n := Worth(c, 1, 1, 0, 0.008, chances); n != 0 {
		t.Errorf("a drafter that costs as much as the target: %d", n)
	}
	if n := Worth(c, 1, 1, 0, 0, []float64{0.2, 0.04}); n != 0 {
		t.Errorf("unlikely: %d", n)
	}
}
