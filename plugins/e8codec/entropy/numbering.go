package entropy

import "github.com/kakeyad/kakeyad/plugins/e8codec/lattice"

// A numbering gives the points of the lattice inside the box consecutive numbers.
//
// Within a coset the digits b_i = ⌊x_i⌋ + offset of a point, written in the base n of the coset,
// are a number I. Of every two consecutive I exactly one has an even coordinate sum: when n is odd
// because the parity of I is that of the digit sum, when n is even because the last digit alone
// decides it. So ⌊I/2⌋ numbers the points of D_n without a gap, and the halves follow the integers.
//
// What the reference keeps need not be a lattice point once clamped; its integers are numbered by
// I itself, and its halves in a box that is one wider.
type numbering struct {
	variant lattice.Variant
	cosets  [2]coset // integers, halves
	count   wide     // of points
}

type coset struct {
	base   uint64 // n
	square uint64 // n², n⁴
	fourth uint64
	offset int16 // digit of a coordinate: its floor plus offset
	halved bool  // the parity is known
	first  wide  // number of the first point
}

func newNumbering(p lattice.Params) *numbering {
	n := &numbering{variant: p.Variant}
	q := uint64(p.Q)
	n.cosets[0] = newCoset(2*q+1, int16(q), !p.Compat)
	if p.Compat {
		n.cosets[1] = newCoset(2*q+2, int16(q+1), true)
	} else {
		n.cosets[1] = newCoset(2*q, int16(q), true)
	}
	n.count = n.cosets[0].points(p.Variant)
	if p.Variant == lattice.E8 {
		n.cosets[1].first = n.count
		n.count = n.count.add(n.cosets[1].points(p.Variant))
	}
	return n
}

func newCoset(base uint64, offset int16, halved bool) coset {
	return coset{base: base, square: base * base, fourth: base * base * base * base, offset: offset, halved: halved}
}

// points is how many points the coset has.
func (c *coset) points(v lattice.Variant) wide {
	all := wide{0, c.fourth}
	if v == lattice.E8 {
		all = product(c.fourth, c.fourth)
	}
	if c.halved {
		return all.add(wide{0, 1}).halve()
	}
	return all
}

// bits is the length of a number.
func (n *numbering) bits() int { return n.count.sub(wide{0, 1}).length() }

// number is the number of the block whose codes are z[0], z[8], z[16], ...
func (n *numbering) number(z []int16) wide {
	c := &n.cosets[z[0]&1]
	if n.variant == lattice.D4 {
		i := wide{0, c.quad(z)}
		if c.halved {
			i = i.halve()
		}
		return i
	}
	i := product(c.quad(z), c.fourth).add(wide{0, c.quad(z[32:])})
	if c.halved {
		i = i.halve()
	}
	return i.add(c.first)
}

// quad is the digits of four coordinates as one number. Coordinates outside the box saturate,
// as the reference's clamp has it.
func (c *coset) quad(z []int16) uint64 {
	var i uint64
	for j := 0; j < 32; j += 8 {
		digit := min(max(z[j]>>1+c.offset, 0), int16(c.base-1))
		i = i*c.base + uint64(digit)
	}
	return i
}

// point writes the codes of the block with that number; it is below count.
func (n *numbering) point(z []int16, number wide) {
	c, half := &n.cosets[0], int16(0)
	if n.variant == lattice.E8 && !number.less(n.cosets[1].first) {
		c, half = &n.cosets[1], 1
		number = number.sub(c.first)
	}
	if c.halved {
		number = number.double()
	}
	if n.variant == lattice.D4 {
		c.digits(z, number.lo)
	} else {
		hi, lo := number.divide(c.fourth)
		c.digits(z, hi)
		c.digits(z[32:], lo)
		if c.halved { // the last digit of an even base is known but for its parity
			var sum int16
			for j := 0; j < 64; j += 8 {
				sum ^= z[j]
			}
			z[56] |= sum & 1
		}
	}
	for j := range n.variant.Block() {
		z[8*j] = (z[8*j]-c.offset)<<1 | half
	}
}

func (c *coset) digits(z []int16, i uint64) {
	for j := 24; j >= 0; j -= 8 {
		z[j] = int16(i % c.base)
		i /= c.base
	}
}
