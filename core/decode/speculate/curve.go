package speculate

import "time"

// knots are the batch sizes that a curve knows of. What lies between is interpolated, what lies
// beyond goes on as between the last two.
var knots = [...]int{1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64}

// Knots returns the sizes that are worth measuring, ascending and at most most.
func Knots(most int) []int {
	n := 0
	for n < len(knots) && knots[n] <= most {
		n++
	}
	return knots[:n]
}

// Curve tells what a step costs, by how many tokens it computes. The zero value knows nothing: then
// a step costs the same whatever its size.
type Curve struct {
	seconds [len(knots)]float64 // 0: not known
	read    [len(knots)]float64 // as told: no size costs less than a smaller one
	last    int                 // index of the largest known
}

// Follow is how much a new measurement counts against those before.
const follow = 1.0 / 16

// patience is how many times longer than expected a step may take before the measurement is taken
// for a disturbance.
const patience = 2.5

// Measured notes the time of a step of n tokens, of a size that is a knot. Of several at the start
// the shortest counts.
func (c *Curve) Measured(n int, took time.Duration) {
	if i, ok := knot(n); ok && took > 0 && (c.seconds[i] == 0 || took.Seconds() < c.seconds[i]) {
		c.seconds[i] = took.Seconds()
		c.settle()
	}
}

// Observed notes the time of a step in use. What a step of that size takes is followed slowly.
func (c *Curve) Observed(n int, took time.Duration) {
	i, ok := knot(n)
	if !ok || took <= 0 {
		return
	}
	x := took.Seconds()
	switch old := c.seconds[i]; {
	case old == 0 && c.read[0] == 0:
		c.seconds[i] = x
	case old == 0:
		old = c.Cost(n)
		c.seconds[i] = old + (min(x, patience*old)-old)*follow
	default:
		c.seconds[i] = old + (min(x, patience*old)-old)*follow
	}
	c.settle()
}

func knot(n int) (int, bool) {
	for i, k := range knots {
		if k == n {
			return i, true
		}
	}
	return 0, false
}

// settle makes what is read from what is known.
func (c *Curve) settle() {
	floor, previous := 0.0, -1
	for i, s := range c.seconds {
		if s == 0 {
			continue
		}
		floor = max(floor, s)
		c.read[i] = floor
		if previous < 0 {
			for j := range i {
				c.read[j] = floor
			}
		} else {
			for j := previous + 1; j < i; j++ {
				c.read[j] = between(knots[previous], knots[i], c.read[previous], floor, knots[j])
			}
		}
		previous = i
	}
	c.last = previous
}

func between(x0, x1 int, y0, y1 float64, x int) float64 {
	return y0 + (y1-y0)*float64(x-x0)/float64(x1-x0)
}

// Cost is what a step of n tokens takes, in seconds.
func (c *Curve) Cost(n int) float64 {
	if c.read[0] == 0 {
		return 1
	}
	if c.last == 0 || n <= 1 {
		return c.read[0]
	}
	i := 1
	for i < c.last && knots[i] < n {
		i++
	}
	return between(knots[i-1], knots[i], c.read[i-1], c.read[i], n)
}

// Known says whether anything was measured.
func (c *Curve) Known() bool { return c.read[0] != 0 }
