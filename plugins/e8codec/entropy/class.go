package entropy

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// class is how the points of a vector are coded whose codes have a mean square. Lanes choose among its
// tables by what they know.
type class struct {
	kernel
	shift   int
	fast    bool    // the kernels can do it
	half    event   // of a block of halves, where that is not as likely as not; integers lie below it
	decode  []slots // tables
	encode  []symbols
	limit   int // codes of no larger magnitude are listed in every table
	rawSize int // bytes of a tile that are stored as they are
}

// kernel is what the assembly reads of a class. Its layout is known there.
type kernel struct {
	count   [2]uint64   // shift, 0
	tables  [8][8]int32 // [coordinate of a lane][2·coset + parity]: where the table begins among all slots
	low     [8]int32    // lane·shift
	lowMask [8]int32    // shift bits
	last    [8]int32    // lane·(shift-1)
	ending  [8]int32    // shift-1 bits
	lowest  [8]int32    // the lowest bit, if there is a shift
	parity  [8]int32    // the lowest bit, if there is none
	step    [2]uint64   // raw bytes of eight coordinates: shift; shift-1 or 0 where they end a block
	keep    [2]uint32   // what a word has above so many bytes
	start   [8]int32    // of the slots of a coded coset's halves; 0: cosets are stored as they are
	cosets  [2]symbol   // where they are coded: of integers and of halves
}

var family [2][classes]struct {
	once  sync.Once
	class class
}

// classAt builds a class when it is first asked for.
func classAt(v lattice.Variant, k int) *class {
	f := &family[v-lattice.E8][k]
	f.once.Do(func() { f.class.init(v, k) })
	return &f.class
}

// known are classes that were asked for before.
type known [2][classes]*class

func (n *known) at(v lattice.Variant, k int) *class {
	c := n[v-lattice.E8][k]
	if c == nil {
		c = classAt(v, k)
		n[v-lattice.E8][k] = c
	}
	return c
}

// maxFastShift is how many bits of eight lanes fit a word of 32.
const maxFastShift = 4

func (c *class) init(v lattice.Variant, k int) {
	shift, k := widthOf(k)
	g, half := newNormal(k), 0
	if v == lattice.E8 && shift == 0 {
		half = g.half()
	}
	c.build(v, g, shift, half)
}

// build makes the class of a distribution of the coordinates without their shift lowest bits. half is the share
// of blocks of halves in units of 2^-probBits, or 0 for as good as half of them.
func (c *class) build(v lattice.Variant, g distribution, shift, half int) {
	c.shift = shift
	if shift > 0 {
		c.add(g.table(1, 1, 1))
		c.limit = 2*(len(g.halves)<<shift) - 2
	} else {
		c.parities(v, g)
		c.limit = min(2*len(g.ints)-2, 2*len(g.halves)-1)
	}
	if half != 0 && (100*half < 49*probOne || 100*half > 51*probOne) {
		c.half = newEvent(probOne-half, half)
		c.cosets = [2]symbol{newSymbol(0, probOne-half), newSymbol(probOne-half, half)}
		for lane := range c.start {
			c.start[lane] = int32(probOne - half)
		}
	}
	c.fast = shift <= maxFastShift
	c.rawSize = c.rawBytes(v)
	c.count[0] = uint64(shift)
	c.step = [2]uint64{uint64(shift), uint64(max(shift-1, 0))}
	for i, n := range c.step {
		c.keep[i] = uint32(uint64(math.MaxUint32) << (8 * n))
	}
	for lane := range int32(8) {
		c.low[lane], c.last[lane] = lane*int32(shift), lane*int32(max(shift-1, 0))
		c.lowMask[lane], c.ending[lane] = 1<<shift-1, 1<<max(shift-1, 0)-1
		c.lowest[lane], c.parity[lane] = int32(min(shift, 1)), 1-int32(min(shift, 1))
	}
}

// add appends a table and answers which it is.
func (c *class) add(d *slots, e *symbols) (which int) {
	c.decode, c.encode = append(c.decode, *d), append(c.encode, *e)
	return len(c.decode) - 1
}

// parities makes a table for all that a lane can know.
func (c *class) parities(v lattice.Variant, g distribution) {
	n := v.Block()
	cosets := 1
	if v == lattice.E8 {
		cosets = 2
	}
	for coset := range cosets {
		free := c.add(g.table(coset, 1, 1))
		rk := 1.0 // ρ^k
		for rest := range n {
			even, odd := free, free
			if rk >= 1.0/256 {
				even = c.add(g.table(coset, float64(1+rk), float64(1-rk)))
				odd = c.add(g.table(coset, float64(1-rk), float64(1+rk)))
			}
			for j := n - 1 - rest; j < 8; j += n {
				c.tables[j][2*coset], c.tables[j][2*coset+1] = int32(even*probOne), int32(odd*probOne)
			}
			rk = float64(rk * g.rho())
			if coset == 1 {
				rk = 0
			}
		}
	}
}

// rawBytes is how much of a tile is stored as it is: a bit for the coset of each block, and the low bits
// of all coordinates but the one that the others of a block imply.
func (c *class) rawBytes(v lattice.Variant) int {
	n := 0
	if v == lattice.E8 && c.half == 0 {
		n++
	}
	if c.shift > 0 {
		n += lattice.Tile/8*c.shift - 8/v.Block()
	}
	return n
}

// width is the table of differences of a class, knowing nothing of their parity.
type width struct {
	shift   int
	slots   *slots
	symbols *symbols
}

var widths [classes]atomic.Pointer[width]

// widthAt makes a width when it is first asked for.
func widthAt(class int) *width {
	if w := widths[class].Load(); w != nil {
		return w
	}
	shift, k := widthOf(class)
	w := &width{shift: shift}
	w.slots, w.symbols = newNormal(k).table(min(shift, 1), 1, 1)
	widths[class].Store(w) // another of the same may have come before it
	return w
}
