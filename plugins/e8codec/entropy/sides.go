package entropy

import (
	"math/bits"
)

// sideParts is how many 16-bit numbers are kept beside a vector: Compat keeps two.
func (p *Pages) sideParts() int {
	if p.params.Compat {
		return 2
	}
	return 1
}

// gridOf says how many low bits are zero in everything that is kept beside the vectors.
func gridOf(side []uint32) int {
	var all uint32
	for _, s := range side {
		all |= s | s>>16
	}
	return min(bits.TrailingZeros32(all&0xffff|1<<15), 1<<gridBits-1)
}

// levelsOf chooses what changes less.
func (p *Pages) levelsOf(side []uint32, classes []uint8) levels {
	var change [2]int
	for i := p.heads; i < len(side); i++ {
		for l := range change {
			of := levels(l)
			d := (int(classes[i])-int(classes[i-p.heads]))<<levelScale +
				of.of(side[i], p.params.Compat) - of.of(side[i-p.heads], p.params.Compat)
			change[l] += max(d, -d)
		}
	}
	if change[ofVector] < change[ofCodes] {
		return ofVector
	}
	return ofCodes
}

// putSides codes what is beside the vectors: scales, classes, and coordinates that no table lists.
func (p *Pages) putSides(z []int16, side []uint32, runs []int, enc *Encoder) {
	e, grid, of := &enc.side, gridOf(side), p.levelsOf(side, enc.numbers)
	e.raw(uint64(grid), gridBits)
	e.raw(uint64(of), 1)
	contexts := make([]context, p.heads)
	i := 0
	for _, n := range runs {
		clear(contexts)
		for j := range n {
			c := &contexts[j%p.heads]
			c.putSide(e, side[i], grid, p.sideParts())
			c.putClass(e, int(enc.numbers[i]), of.of(side[i], p.params.Compat))
			i++
		}
	}
	for t, peak := range enc.peaks {
		if int(peak) > enc.classes[t/p.tiles].limit {
			var q [1]part
			p.parts(q[:], z, t, enc.classes, enc.peaks)
			q[0].putUnlisted(e)
		}
	}
}

// getSides reads scales and classes back. The coordinates that no table lists follow.
func (p *Pages) getSides(d *decoder, side []uint32, runs []int, dec *Decoder) error {
	grid := int(d.raw(gridBits))
	of := levels(d.raw(1))
	contexts := make([]context, p.heads)
	dec.classes = dec.classes[:0]
	i := 0
	for _, n := range runs {
		clear(contexts)
		for j := range n {
			c := &contexts[j%p.heads]
			var ok, fits bool
			var k int
			side[i], ok = c.getSide(d, grid, p.sideParts())
			if k, fits = c.getClass(d, of.of(side[i], p.params.Compat)); !ok || !fits || d.over {
				return errStream
			}
			dec.classes = append(dec.classes, dec.known.at(p.params.Variant, k))
			i++
		}
	}
	return nil
}

func (c *context) putSide(e *encoder, side uint32, grid, parts int) {
	for i := range parts {
		s, v := &c.side[i], int(side>>(16*i)&0xffff)>>grid
		if c.seen == 0 {
			e.raw(uint64(v), 16-grid)
			s.drift = driftFirst << energyScale
		} else {
			s.drift.put(e, v-s.last)
		}
		s.last = v
	}
}

// getSide is false when the number is none of 16 bits.
func (c *context) getSide(d *decoder, grid, parts int) (side uint32, ok bool) {
	for i := range parts {
		s := &c.side[i]
		if c.seen == 0 {
			s.last = int(d.raw(16 - grid))
			s.drift = driftFirst << energyScale
		} else {
			s.last += s.drift.get(d)
		}
		if s.last < 0 || s.last<<grid > 0xffff {
			return 0, false
		}
		side |= uint32(s.last) << (grid + 16*i)
	}
	return side, true
}

// putClass codes a vector's class; scale is what its scale adds to its level.
func (c *context) putClass(e *encoder, class, scale int) {
	if c.seen == 0 {
		e.raw(uint64(class), classBits)
		c.widths = 1 << energyScale
	} else {
		c.widths.put(e, class-c.expect(scale))
	}
	c.learn(class, scale)
}

func (c *context) getClass(d *decoder, scale int) (class int, ok bool) {
	if c.seen == 0 {
		class = int(d.raw(classBits))
		c.widths = 1 << energyScale
	} else {
		class = c.expect(scale) + c.widths.get(d)
	}
	if class < 0 || class >= classes {
		return 0, false
	}
	c.learn(class, scale)
	return class, true
}
