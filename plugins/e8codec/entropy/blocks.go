package entropy

import (
	"encoding/binary"

	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// A stream of blocks is that of [Pages], but that lanes stand for what the caller says, tiles have the class
// that the caller says, and beside them is what the caller chose:
//
//	length of what is beside the tiles, LEB128
//	what is beside the tiles: choices, and all that no table lists
//	tiles' bits that are stored as they are
//	lanes: their states, and the words of all of them as they come to need them

// BlockTile is a tile of up to eight points of E8: that of lane b in its codes b, 8+b, ..., 56+b.
type BlockTile struct {
	Class  *Class
	Blocks int // lanes that there are, from the first on; 1 to 8
}

// Choose codes a number from 0 on, before the blocks of the next stream.
func (enc *Encoder) Choose(c *Choices, v int) { c.symbols.put(&enc.side, v) }

// Blocks appends the stream of the tiles, whose codes follow one another in z, and of what was chosen since the
// last one to dst. Codes of lanes that there are not are zero.
func (enc *Encoder) Blocks(dst []byte, z []int16, tiles []BlockTile) []byte {
	enc.peaks = enc.peaks[:0]
	raw := 0
	var turn [abreast]part
	for i := range tiles {
		_, peak := energy((*[lattice.Tile]int16)(z[i*lattice.Tile:]))
		enc.peaks = append(enc.peaks, uint16(peak))
		if peak > tiles[i].Class.class.limit {
			fillBlocks(turn[:1], z, tiles, i)
			turn[0].putUnlisted(&enc.side)
		}
		raw += tiles[i].Class.class.rawSize
	}
	beside := enc.side.bytes(nil)
	dst = binary.AppendUvarint(dst, uint64(len(beside)))
	dst = append(dst, beside...)
	return enc.tiles(dst, len(tiles), raw, func(parts []part, first int) {
		fillBlocks(parts, z, tiles, first)
		for i := range parts {
			parts[i].peak = int(enc.peaks[first+i])
		}
	})
}

// fillBlocks makes parts of the tiles from first on.
func fillBlocks(parts []part, z []int16, tiles []BlockTile, first int) {
	for i := range parts {
		t := &tiles[first+i]
		codes := (*[lattice.Tile]int16)(z[(first+i)*lattice.Tile:])
		parts[i] = part{z: codes, class: &t.Class.class, block: 8, blocks: t.Blocks, full: t.Blocks == lanesOfTile}
	}
}

// BlockReader reads a stream of blocks: first what was chosen, in its order, then the tiles.
type BlockReader struct {
	side decoder
	rest []byte
}

// NewBlockReader begins a stream. Errors: ErrCorrupt.
func NewBlockReader(src []byte) (*BlockReader, error) {
	size, n := binary.Uvarint(src)
	if n <= 0 || size > uint64(len(src)-n) {
		return nil, errStream
	}
	d, err := newDecoder(src[n : n+int(size)])
	if err != nil {
		return nil, err
	}
	return &BlockReader{side: d, rest: src[n+int(size):]}, nil
}

// Choose reads a number that was chosen by c. Past the end it is any of them; Blocks tells.
func (r *BlockReader) Choose(c *Choices) int { return c.slots.get(&r.side) }

// Blocks fills z, the tiles' codes; those of lanes that there are not become zero. Anything but what was encoded with these classes
// is ErrCorrupt, or other lattice points.
func (r *BlockReader) Blocks(z []int16, tiles []BlockTile, dec *Decoder) error {
	raw := 0
	for i := range tiles {
		raw += tiles[i].Class.class.rawSize
	}
	return dec.tiles(r.rest, &r.side, len(tiles), raw, func(parts []part, first int) {
		fillBlocks(parts, z, tiles, first)
	})
}
