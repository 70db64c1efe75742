package entropy

import (
	"fmt"
	"math/bits"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// Pages codes runs of vectors whose heads alternate: vector i belongs to head i mod heads. Each
// call is a stream of its own. A Pages never changes and is safe for concurrent use.
type Pages struct {
	params lattice.Params
	heads  int
	start  int64 // energy expected at first
}

// NewPages makes a Pages for valid parameters and heads of at least 1.
func NewPages(p lattice.Params, heads int) *Pages {
	mean := 2 * float64(p.Q) / 2.5 // Box makes the largest of dim coordinates Q
	return &Pages{params: p, heads: heads, start: int64(mean * mean * (1 << energyScale))}
}

// maxCode is the largest magnitude of a code.
const maxCode = 1<<15 - 1

// coordinate codes one coordinate: v is ⌊code/2⌋, rest how many follow in the block, parity that
// of the sum still to come.
func (c *class) put(e *encoder, v, coset, shift, rest, parity int) {
	if shift == 0 {
		c.tables[coset][rest][parity].put(e, v)
		return
	}
	c.free[1].put(e, v>>shift)
	if rest == 0 {
		e.raw(uint64(v)>>1&(1<<(shift-1)-1), shift-1)
		return
	}
	e.raw(uint64(v)&(1<<shift-1), shift)
}

func (c *class) get(d *decoder, coset, shift, rest, parity int) int {
	if shift == 0 {
		return c.tables[coset][rest][parity].get(d)
	}
	v := c.free[1].get(d) << shift
	if rest == 0 {
		return v | int(d.raw(shift-1))<<1 | parity
	}
	return v | int(d.raw(shift))
}

// Encoder is a goroutine's working memory for Encode.
type Encoder struct{ e encoder }

// Encode appends the stream of the vectors to dst. Codes are lattice points: Box, or Free, made
// them.
func (p *Pages) Encode(dst []byte, z []int16, side []uint32, enc *Encoder) []byte {
	e := &enc.e
	contexts := p.contexts()
	grid := gridOf(side)
	e.raw(uint64(grid), gridBits)
	n := p.params.Variant.Block()
	codes := lattice.Tiles(p.params.Dim) * lattice.Tile
	for i, s := range side {
		c := &contexts[i%p.heads]
		p.putSide(e, c, s, grid)
		v := z[i*codes : (i+1)*codes]
		var sum int64
		for b := range p.params.Blocks() {
			first, stride := p.params.Variant.BlockPositions(b)
			k, shift := classOf(c.expect(sum, b*n))
			class := classAt(k)
			coset := 0
			if p.params.Variant == lattice.E8 {
				coset = int(v[first] & 1)
				class.putCoset(e, coset, shift)
			}
			parity := 0
			for rest := n - 1; rest >= 0; rest-- {
				code := int(v[first])
				class.put(e, code>>1, coset, shift, rest, parity)
				parity ^= code >> 1 & 1
				sum += int64(code * code)
				first += stride
			}
		}
		c.learn(sum, p.params.Blocks()*n)
	}
	return e.bytes(dst)
}

// Decode reads a stream back into z and side. Anything but what Encode wrote is
// [base.ErrCorrupt], or some other lattice points.
func (p *Pages) Decode(z []int16, side []uint32, src []byte) error {
	d, err := newDecoder(src)
	if err != nil {
		return err
	}
	contexts := p.contexts()
	grid := int(d.raw(gridBits))
	n := p.params.Variant.Block()
	codes := lattice.Tiles(p.params.Dim) * lattice.Tile
	clear(z[:len(side)*codes])
	for i := range side {
		c := &contexts[i%p.heads]
		if side[i], err = p.getSide(&d, c, grid); err != nil {
			return err
		}
		v := z[i*codes : (i+1)*codes]
		var sum int64
		for b := range p.params.Blocks() {
			first, stride := p.params.Variant.BlockPositions(b)
			k, shift := classOf(c.expect(sum, b*n))
			class := classAt(k)
			coset := 0
			if p.params.Variant == lattice.E8 {
				coset = class.getCoset(&d, shift)
			}
			parity := 0
			for rest := n - 1; rest >= 0; rest-- {
				floor := class.get(&d, coset, shift, rest, parity)
				code := floor<<1 | coset
				if code > maxCode || code < -maxCode {
					return errCode
				}
				v[first] = int16(code)
				parity ^= floor & 1
				sum += int64(code * code)
				first += stride
			}
		}
		c.learn(sum, p.params.Blocks()*n)
		if d.over {
			return errStream
		}
	}
	return d.end()
}

var errCode = fmt.Errorf("%w: a code past %d", base.ErrCorrupt, maxCode)

func (p *Pages) contexts() []context {
	c := make([]context, p.heads)
	for i := range c {
		c[i] = newContext(p.start)
	}
	return c
}

// putCoset codes the coset of a block. Wide distributions do not tell one from the other.
func (c *class) putCoset(e *encoder, coset, shift int) {
	half := c.half
	if shift > 0 {
		half = evenChance
	}
	if coset == 1 {
		e.put(half)
	} else {
		e.put(newEvent(0, int(half&0xffff)))
	}
}

func (c *class) getCoset(d *decoder, shift int) int {
	half := c.half
	if shift > 0 {
		half = evenChance
	}
	start := uint64(half & 0xffff)
	if uint64(d.slot()) >= start {
		d.take(start, uint64(half>>16))
		return 1
	}
	d.take(0, start)
	return 0
}

const evenChance = event(probOne/2 | probOne/2<<16)

// sideParts is how many 16-bit numbers are kept beside a vector: Compat keeps two.
func (p *Pages) sideParts() int {
	if p.params.Compat {
		return 2
	}
	return 1
}

// gridBits say how many low bits are zero in everything that is kept beside the vectors.
const gridBits = 4

func gridOf(side []uint32) int {
	var all uint32
	for _, s := range side {
		all |= s | s>>16
	}
	return min(bits.TrailingZeros32(all&0xffff|1<<15), 1<<gridBits-1)
}

func (p *Pages) putSide(e *encoder, c *context, side uint32, grid int) {
	for i := range p.sideParts() {
		s, v := &c.side[i], int(side>>(16*i)&0xffff)>>grid
		if !s.seen {
			e.raw(uint64(v), 16-grid)
		} else {
			k, shift := s.class()
			d := v - s.last
			classAt(k).free[0].put(e, d>>shift)
			e.raw(uint64(d)&(1<<shift-1), shift)
		}
		s.learn(v)
	}
}

func (p *Pages) getSide(d *decoder, c *context, grid int) (side uint32, err error) {
	for i := range p.sideParts() {
		s := &c.side[i]
		var v int
		if !s.seen {
			v = int(d.raw(16 - grid))
		} else {
			k, shift := s.class()
			v = s.last + (classAt(k).free[0].get(d)<<shift | int(d.raw(shift)))
		}
		if v < 0 || v<<grid > 0xffff {
			return 0, errStream
		}
		s.learn(v)
		side |= uint32(v) << (grid + 16*i)
	}
	return side, nil
}
