package sampling

import (
	"cmp"
	"slices"
)

// candidate is a token that may be drawn.
type candidate struct {
	token  int32
	logit  float32
	rank   float64 // what it is ordered by, highest first: its logit, but for typical_p
	weight float64 // in proportion to its probability
}

// before is the order of candidates. No two are equal in it.
func (c *candidate) before(d *candidate) bool {
	return c.rank > d.rank || c.rank == d.rank && c.token < d.token
}

// weigh sets the weight to its probability in proportion to that of a token with the logit top.
func (c *candidate) weigh(top float32) { c.weight = exp(float64(c.logit) - float64(top)) }

func compare(c, d candidate) int {
	if o := cmp.Compare(d.rank, c.rank); o != 0 {
		return o
	}
	return cmp.Compare(c.token, d.token)
}

// smallEnough is the length below which sorting beats partitioning.
const smallEnough = 24

// partition chooses a pivot, moves the candidates before it to the front and returns its index.
func partition(c []candidate) int {
	last := len(c) - 1
	mid := last / 2
	if c[mid].before(&c[0]) {
		c[mid], c[0] = c[0], c[mid]
	}
	if c[last].before(&c[0]) {
		c[last], c[0] = c[0], c[last]
	}
	if c[mid].before(&c[last]) {
		c[mid], c[last] = c[last], c[mid]
	}
	pivot := c[last]
	at := 0
	for i := range c[:last] {
		if c[i].before(&pivot) {
			c[i], c[at] = c[at], c[i]
			at++
		}
	}
	c[at], c[last] = c[last], c[at]
	return at
}

// first moves the k first candidates of the order to the front, the k-th of them to index k-1.
// 0 < k <= len(c).
func first(c []candidate, k int) {
	for rounds := 0; len(c) > smallEnough && rounds < 64; rounds++ {
		at := partition(c)
		switch {
		case at == k-1:
			return
		case at >= k:
			c = c[:at]
		default:
			c, k = c[at+1:], k-at-1
		}
	}
	slices.SortFunc(c, compare)
}

// until moves the fewest first candidates of the order whose weights sum to at least target to
// the front and returns how many they are; all of them when their sum does not come to it.
func until(c []candidate, target float64) int {
	done, sum := 0, 0.0
	for rounds := 0; len(c) > smallEnough && rounds < 64; rounds++ {
		at := partition(c)
		front := sum
		for i := range c[:at] {
			front += c[i].weight
		}
		if front >= target {
			c = c[:at]
			continue
		}
		sum = front + c[at].weight
		done += at + 1
		if sum >= target {
			return done
		}
		c = c[at+1:]
	}
	slices.SortFunc(c, compare)
	for i := range c {
		sum += c[i].weight
		if sum >= target {
			return done + i + 1
		}
	}
	return done + len(c)
}
