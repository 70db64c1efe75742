package entropy

import (
	"encoding/binary"
	"math/bits"

	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// fast numbers eight groups of a tile at a time, where four digits fit 31 bits and a number 56.
// It gives the same numbers as numbering.
type fast struct {
	ok     bool
	pairs  bool // two blocks of D4 in a group, not one of E8
	q      int32
	first  uint64    // number of the first half-integer point
	count  uint64    // of points
	divide [2]uint64 // what splits a number into its two quads, and its reciprocal
	recip  [2]uint64
	fourth [2]uint64
}

// maxFastQ keeps (2Q+1)⁸/2 within 56 bits.
const maxFastQ = 64

func newFast(n *numbering, p lattice.Params) fast {
	if p.Compat || p.Q > maxFastQ || n.bits() > 56 {
		return fast{}
	}
	f := fast{ok: true, pairs: p.Variant == lattice.D4, q: int32(p.Q), count: n.count.lo}
	if !f.pairs {
		f.first = n.cosets[1].first.lo
	}
	for i := range n.cosets {
		f.fourth[i] = n.cosets[i].fourth
	}
	f.divide = [2]uint64{f.fourth[0], f.fourth[1] / 2}
	for i, d := range f.divide {
		f.recip[i] = reciprocal(d)
	}
	return f
}

// quads are the numbers of the first and second four digits in each group of a tile, and the
// group's coset: 0 or -1.
type quads struct {
	hi, lo [8]uint32
	half   [8]int32
}

// bitWriter gathers bits, lowest first, and writes whole words of 64.
type bitWriter struct {
	buf  []byte
	word uint64
	n    int
}

// put adds width bits, at most 56; those of v above them are zero.
func (w *bitWriter) put(v uint64, width int) {
	w.word |= v << (w.n & 63)
	w.n += width
	if w.n >= 64 {
		binary.LittleEndian.PutUint64(w.buf, w.word)
		w.buf = w.buf[8:]
		w.n -= 64
		w.word = v >> (width - w.n)
	}
}

// pack writes the side, of sideBits, and the numbers of all blocks to buf.
func (f *fast) pack(buf []byte, side uint32, sideBits int, z []int16, blocks, width int) {
	var q quads
	w := bitWriter{buf: buf, word: uint64(side), n: sideBits}
	defer func() { binary.LittleEndian.PutUint64(w.buf, w.word) }()
	for ; blocks > 0; z = z[lattice.Tile:] {
		packQuads(&q, (*[lattice.Tile]int16)(z), f.q)
		if f.pairs {
			for b := range min(8, blocks/2) {
				w.put(uint64(q.hi[b])>>1, width)
				w.put(uint64(q.lo[b])>>1, width)
			}
			if blocks < 16 && blocks&1 != 0 {
				w.put(uint64(q.hi[blocks/2])>>1, width)
			}
			blocks -= 16
			continue
		}
		for b := range min(8, blocks) {
			half := q.half[b] & 1
			v := (uint64(q.hi[b])*f.fourth[half] + uint64(q.lo[b])) >> 1
			w.put(v+(f.first&-uint64(half)), width)
		}
		blocks -= 8
	}
}

func (f *fast) unpack(z []int16, buf []byte, at, blocks, width int) bool {
	var q quads
	mask := uint64(1)<<width - 1
	for ; blocks > 0; z = z[lattice.Tile:] {
		if f.pairs {
			q = quads{}
			for b := range min(16, blocks) {
				v := getBits(buf, at, width)
				if v >= f.count {
					return false
				}
				if b&1 == 0 {
					q.hi[b>>1] = uint32(2 * v)
				} else {
					q.lo[b>>1] = uint32(2 * v)
				}
				at += width
			}
			f.points(z, &q, blocks)
			blocks -= 16
			continue
		}
		for b := range min(8, blocks) {
			v := binary.LittleEndian.Uint64(buf[at>>3:]) >> (at & 7) & mask
			at += width
			if v >= f.count {
				return false
			}
			half := uint64(0)
			if v >= f.first {
				half = 1
			}
			v -= f.first & -half
			v <<= 1 - half
			hi, _ := bits.Mul64(v, f.recip[half])
			lo := v - hi*f.divide[half]
			if lo >= f.divide[half] {
				hi++
				lo -= f.divide[half]
			}
			q.hi[b], q.lo[b], q.half[b] = uint32(hi), uint32(lo<<half), -int32(half)
		}
		f.points(z, &q, 2*blocks)
		blocks -= 8
	}
	return true
}

// points writes the codes of a tile; quarters is the number of quads that the vector still has,
// and the codes of others become zero.
func (f *fast) points(z []int16, q *quads, quarters int) {
	tile := (*[lattice.Tile]int16)(z)
	unpackQuads(tile, q, f.q)
	if quarters >= 16 {
		return
	}
	for b := range 8 {
		for j := range 8 {
			if 2*b+j>>2 >= quarters {
				tile[8*j+b] = 0
			}
		}
	}
}
