package entropy

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// Fixed packs each vector into a record of the same size: its scale (16 bits; 32 with Compat)
// and the numbers of its points, lowest bit first, filled up to whole bytes. It never changes and
// is safe for concurrent use.
type Fixed struct {
	numbering *numbering
	blocks    int
	tiles     int
	sideBits  int
	blockBits int
	fast      fast
}

// NewFixed makes a Fixed for valid parameters.
func NewFixed(p lattice.Params) *Fixed {
	f := &Fixed{
		numbering: newNumbering(p),
		blocks:    p.Blocks(),
		tiles:     lattice.Tiles(p.Dim),
		sideBits:  16,
	}
	if p.Compat {
		f.sideBits = 32
	}
	f.blockBits = f.numbering.bits()
	f.fast = newFast(f.numbering, p)
	return f
}

// Bits is the length of a record before it is filled up to whole bytes.
func (f *Fixed) Bits() int { return f.sideBits + f.blocks*f.blockBits }

// BlockBits is what one lattice point takes.
func (f *Fixed) BlockBits() int { return f.blockBits }

// RecordBytes is the length of a record.
func (f *Fixed) RecordBytes() int { return (f.Bits() + 7) / 8 }

// Buffer is what Pack and Unpack work in: a record and room to spare.
type Buffer []byte

// NewBuffer allocates a buffer for one goroutine.
func (f *Fixed) NewBuffer() Buffer { return make(Buffer, f.RecordBytes()+24) }

// Pack writes a vector's record to dst, RecordBytes long.
func (f *Fixed) Pack(dst []byte, z []int16, side uint32, buf Buffer) {
	side &= 1<<f.sideBits - 1
	if f.fast.ok {
		f.fast.pack(buf, side, f.sideBits, z, f.blocks, f.blockBits)
		copy(dst[:f.RecordBytes()], buf)
		return
	}
	clear(buf)
	binary.LittleEndian.PutUint32(buf, side)
	at := f.sideBits
	for b := range f.blocks {
		first, _ := f.numbering.variant.BlockPositions(b)
		v := f.numbering.number(z[first:])
		putBits(buf, at, v.lo&(1<<32-1), 32)
		putBits(buf, at+32, v.lo>>32, 32)
		putBits(buf, at+64, v.hi, 16)
		at += f.blockBits
	}
	copy(dst[:f.RecordBytes()], buf)
}

// Unpack reads back the record at the start of src, which may go on. A number that no point has
// is [fault.ErrCorrupt].
func (f *Fixed) Unpack(z []int16, src []byte, buf Buffer) (side uint32, err error) {
	if len(src) >= len(buf) {
		buf = src // what reads past the record reads what is there
	} else {
		copy(buf, src[:f.RecordBytes()])
	}
	side = binary.LittleEndian.Uint32(buf) & (1<<f.sideBits - 1)
	at := f.sideBits
	if f.blocks*f.numbering.variant.Block() < f.tiles*lattice.Tile {
		clear(z[(f.tiles-1)*lattice.Tile : f.tiles*lattice.Tile])
	}
	if f.fast.ok {
		if !f.fast.unpack(z, buf, at, f.blocks, f.blockBits) {
			return 0, errNoPoint
		}
		return side, nil
	}
	for b := range f.blocks {
		v := wide{lo: getBits(buf, at, min(f.blockBits, 32))}
		if f.blockBits > 32 {
			v.lo |= getBits(buf, at+32, min(f.blockBits-32, 32)) << 32
		}
		if f.blockBits > 64 {
			v.hi = getBits(buf, at+64, f.blockBits-64)
		}
		if !v.less(f.numbering.count) {
			return 0, errNoPoint
		}
		first, _ := f.numbering.variant.BlockPositions(b)
		f.numbering.point(z[first:], v)
		at += f.blockBits
	}
	return side, nil
}

var errNoPoint = fmt.Errorf("%w: a number that no lattice point has", fault.ErrCorrupt)

// putBits adds n bits, at most 56, of v at a bit position of zeros; 8 bytes from there exist.
func putBits(buf []byte, at int, v uint64, n int) {
	p := buf[at>>3:]
	binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)|v&(1<<n-1)<<(at&7))
}

func getBits(buf []byte, at, n int) uint64 {
	return binary.LittleEndian.Uint64(buf[at>>3:]) >> (at & 7) & (1<<n - 1)
}

// reciprocal is ⌊2⁶⁴/d⌋ for d > 1.
func reciprocal(d uint64) uint64 {
	q, _ := bits.Div64(1, 0, d)
	return q
}
