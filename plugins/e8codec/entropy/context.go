package entropy

// context is what encoder and decoder both know of a KV head when the next vector comes: integers
// only, so that they agree on every machine.
type context struct {
	energy int64 // mean square of the codes of past vectors, in fixed point
	seen   int64 // vectors, up to memory
	side   [2]sideContext
}

// sideContext predicts what is kept beside each vector from that of the vector before.
type sideContext struct {
	last   int
	energy int64 // mean square of past differences
	seen   bool
}

const (
	memory     = 16 // vectors over which a head's energy is averaged
	confidence = 32 // coordinates that the average weighs against those of the vector itself
	sideMemory = 8
)

// newContext expects the energy that vectors have on average, a mean square of codes.
func newContext(expected int64) context {
	return context{energy: expected, seen: 1}
}

// expect is the energy to expect after n coordinates of the vector had codes of the given sum of
// squares.
func (c *context) expect(sum int64, n int) int64 {
	return (c.energy*confidence + sum<<energyScale) / int64(confidence+n)
}

// learn takes in a whole vector of n coordinates.
func (c *context) learn(sum int64, n int) {
	c.seen = min(c.seen+1, memory)
	c.energy += (sum<<energyScale/int64(n) - c.energy) / c.seen
}

// class of the next difference. Differences are integers of any parity.
func (s *sideContext) class() (k, shift int) { return classOf(4 * s.energy) }

// learn takes in the value.
func (s *sideContext) learn(v int) {
	if s.seen {
		d := int64(v - s.last)
		s.energy += (d*d<<energyScale - s.energy) / sideMemory
	} else {
		s.energy = 16 << energyScale
	}
	s.last, s.seen = v, true
}
