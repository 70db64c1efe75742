package executor

import "github.com/kakeyad/kakeyad/core/decode/engine"

// MaxSequences is how many sequences a cell can tell apart.
const MaxSequences = 256

// owners are the sequences that a cell belongs to.
type owners [MaxSequences / 64]uint64

func (o *owners) has(s engine.SeqID) bool { return o[s/64]>>(s%64)&1 != 0 }
func (o *owners) add(s engine.SeqID)      { o[s/64] |= 1 << (s % 64) }
func (o *owners) remove(s engine.SeqID)   { o[s/64] &^= 1 << (s % 64) }
func (o *owners) none() bool              { return *o == owners{} }

// cells are the books of a cache: what each cell holds. Those behind the main ones are for exact tokens, which the first
// sinks positions of a sequence are.
type cells struct {
	positions []int32
	owners    []owners
	main      int
	sinks     int32
	free      int // of the main ones
}

func newCells(n, exact, sinks int) *cells {
	return &cells{positions: make([]int32, n+exact), owners: make([]owners, n+exact), main: n, sinks: int32(sinks), free: n}
}

// take gives free cells to items, the lowest first. False: there are too few, and nothing was done.
func (c *cells) take(items []engine.Item, spots []int32) ([]int32, bool) {
	spots = spots[:0]
	cell, exact := 0, c.main
	for _, it := range items {
		at, end := &cell, c.main
		if it.Pos < c.sinks {
			at, end = &exact, len(c.owners)
		}
		for *at < end && !c.owners[*at].none() {
			*at++
		}
		if *at == end {
			return spots[:0], false
		}
		spots = append(spots, int32(*at))
		*at++
	}
	for i, it := range items {
		spot := spots[i]
		c.owners[spot].add(it.Seq)
		c.positions[spot] = it.Pos
		if int(spot) < c.main {
			c.free--
		}
	}
	return spots, true
}

// release gives cells back.
func (c *cells) release(spots []int32) {
	for _, s := range spots {
		c.owners[s] = owners{}
		if int(s) < c.main {
			c.free++
		}
	}
}

// remove takes positions [from, to) from a sequence; to < 0 is the end.
func (c *cells) remove(seq engine.SeqID, from, to int32) {
	for i := range c.owners {
		o := &c.owners[i]
		if p := c.positions[i]; o.has(seq) && p >= from && (to < 0 || p < to) {
			o.remove(seq)
			if o.none() && i < c.main {
				c.free++
			}
		}
	}
}

// share makes positions [0, to) of src those of dst too.
func (c *cells) share(src, dst engine.SeqID, to int32) {
	for i := range c.owners {
		if o := &c.owners[i]; o.has(src) && c.positions[i] < to {
			o.add(dst)
		}
	}
}

// find returns the cells of positions [from, to) of a sequence, in order. False: some are missing.
func (c *cells) find(seq engine.SeqID, from, to int32) ([]int32, bool) {
	spots := make([]int32, to-from)
	found := 0
	for i := range c.owners {
		if p := c.positions[i]; p >= from && p < to && c.owners[i].has(seq) {
			spots[p-from] = int32(i)
			found++
		}
	}
	return spots, found == len(spots)
}

// end is behind the last main cell of any of the sequences, but for some cells.
func (c *cells) end(of *owners, but map[int32]bool) int {
	for i := c.main - 1; i >= 0; i-- {
		if but[int32(i)] {
			continue
		}
		for w, bits := range c.owners[i] {
			if bits&of[w] != 0 {
				return i + 1
			}
		}
	}
	return 0
}
