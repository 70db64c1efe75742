package entropy

// context is what encoder and decoder both know of a KV head when the next vector comes: integers
// only, so that they agree on every machine.
type context struct {
	level  int // mean of the head's past levels, in fixed point
	seen   int // vectors, up to memory
	widths drift
	side   [2]struct {
		last  int
		drift drift
	}
}

const (
	memory     = 16 // vectors over which a head's level is averaged
	levelScale = 4  // levels are classes with this many fractional bits
	meanScale  = 8  // a mean has so many more
	driftFirst = 16 // mean square of differences that is expected at first
)

// levels say what is thought to change little from one vector of a head to the next.
type levels uint8

const (
	ofCodes  levels = iota // the width of the codes itself
	ofVector               // that times the scale
)

// of is what the scale adds to a vector's level.
func (l levels) of(side uint32, compat bool) int {
	switch {
	case l == ofCodes:
		return 0
	case compat:
		return int(side >> 20) // f16: 1024 to the octave, and a class is half an octave of the square
	}
	return int(side&0xffff) >> 1 // 128 to the octave
}

// expect is the class to expect of a vector that has this of its level by its scale.
func (c *context) expect(scale int) int {
	return (c.level>>meanScale - scale + 1<<(levelScale-1)) >> levelScale
}

// learn takes in a vector's class.
func (c *context) learn(class, scale int) {
	c.seen = min(c.seen+1, memory)
	c.level += ((class<<levelScale+scale)<<meanScale - c.level) / c.seen
}

// drift is how much something changes from one vector of a head to the next: the mean square of its
// past differences, in fixed point.
type drift int64

const driftMemory = 8

// width of the next difference. Differences are integers of any parity, and codes twice a coordinate.
func (d drift) width() *width { return widthAt(classOf(4 * uint64(d))) }

// learn takes in a difference.
func (d *drift) learn(v int) {
	w := drift(min(max(v, -maxCode), maxCode))
	*d += (w*w<<energyScale - *d) / driftMemory
}

// put codes a difference.
func (d *drift) put(e *encoder, v int) {
	c := d.width()
	c.symbols.put(e, v>>c.shift)
	e.raw(uint64(v)&(1<<c.shift-1), c.shift)
	d.learn(v)
}

func (d *drift) get(s *decoder) int {
	c := d.width()
	v := c.slots.get(s)<<c.shift | int(s.raw(c.shift))
	d.learn(v)
	return v
}
