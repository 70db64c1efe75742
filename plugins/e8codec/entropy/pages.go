package entropy

import (
	"encoding/binary"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// Pages codes runs of vectors whose heads alternate: vector i of a run belongs to head i mod heads. Each
// call is a stream of its own. A Pages never changes and is safe for concurrent use.
//
// A stream is
//
//	length of what is beside the vectors, LEB128
//	what is beside the vectors: each one's scale and class, and all that no table lists
//	tiles' bits that are stored as they are
//	lanes: their states, and the words of all of them as they come to need them
//
// Lane b of a tile decodes coordinates 8b to 8b+7. Up to four tiles are decoded at once, by lanes of their own.
type Pages struct {
	params lattice.Params
	heads  int
	tiles  int // of a vector
	block  int // coordinates of a block
	full   int // blocks of a tile
	last   int // blocks of a vector's last tile
}

// NewPages makes a Pages for valid parameters and heads of at least 1.
func NewPages(p lattice.Params, heads int) *Pages {
	block, tiles := p.Variant.Block(), lattice.Tiles(p.Dim)
	full := lattice.Tile / block
	return &Pages{params: p, heads: heads, tiles: tiles, block: block, full: full, last: p.Blocks() - (tiles-1)*full}
}

const (
	// maxCode is the largest magnitude of a code.
	maxCode = 1<<15 - 1

	// abreast is how many tiles are coded at once in a stream of at least longStream. At least mediumStream
	// have two, shorter ones one: a stream keeps a state for each lane.
	abreast      = 4
	longStream   = 512
	mediumStream = 64

	lanesOfTile = 8
	classBits   = 7
	gridBits    = 4
)

// turnOf is how many tiles are coded at once in a stream of so many.
func turnOf(tiles int) int {
	switch {
	case tiles >= longStream:
		return abreast
	case tiles >= mediumStream:
		return 2
	}
	return 1
}

// BaseBytes is what a stream of so many vectors takes beside them, about: its first states and a length.
func (p *Pages) BaseBytes(vectors int) int {
	return stateBytes*(1+lanesOfTile*turnOf(vectors*p.tiles)) + 2
}

// Encoder is a goroutine's working memory for Encode.
type Encoder struct {
	side    encoder
	known   known
	numbers []uint8  // of the vectors' classes
	classes []*class // of the vectors
	peaks   []uint16 // of the tiles
	words   []byte
	turn    [abreast]part
	scratch symbolsOfTurn
}

// symbolsOfTurn are where the symbols of the tiles that are coded at once lie in their tables.
type symbolsOfTurn [abreast * lattice.Tile]uint32

// Encode appends the stream of the vectors to dst. Codes are lattice points: Box, or Free, made them. Runs are
// how many vectors, whole tokens, follow one another; heads have nothing in common from one run to the next.
func (p *Pages) Encode(dst []byte, z []int16, side []uint32, runs []int, enc *Encoder) []byte {
	p.look(z, len(side), enc)
	p.putSides(z, side, runs, enc)
	beside := enc.side.bytes(nil)
	dst = binary.AppendUvarint(dst, uint64(len(beside)))
	dst = append(dst, beside...)

	return enc.tiles(dst, len(side)*p.tiles, p.rawSize(enc.classes), func(parts []part, first int) {
		p.parts(parts, z, first, enc.classes, enc.peaks)
	})
}

// rawSize is how many bytes vectors of these classes have that are stored as they are.
func (p *Pages) rawSize(vectors []*class) (n int) {
	for _, c := range vectors {
		n += c.rawSize
	}
	return n * p.tiles
}

// parts are the stream's tiles from first on. Without peaks they are to be decoded.
func (p *Pages) parts(parts []part, z []int16, first int, vectors []*class, peaks []uint16) {
	vector, tile := first/p.tiles, first%p.tiles
	for i := range parts {
		q := &parts[i]
		q.z = (*[lattice.Tile]int16)(z[(first+i)*lattice.Tile:])
		q.class, q.block, q.blocks, q.strays = vectors[vector], p.block, p.full, 0
		if peaks != nil {
			q.peak = int(peaks[first+i])
		}
		if tile++; tile == p.tiles {
			q.blocks = p.last
			vector, tile = vector+1, 0
		}
		q.full = q.blocks == p.full
	}
}

// look finds the class of every vector and the largest code of every tile.
func (p *Pages) look(z []int16, n int, enc *Encoder) {
	enc.numbers, enc.classes, enc.peaks = enc.numbers[:0], enc.classes[:0], enc.peaks[:0]
	coordinates := uint64(p.params.Blocks() * p.block)
	for i := range n {
		var sum uint64
		for t := range p.tiles {
			s, peak := energy((*[lattice.Tile]int16)(z[(i*p.tiles+t)*lattice.Tile:]))
			sum += s
			enc.peaks = append(enc.peaks, uint16(peak))
		}
		k := classOf(sum << energyScale / coordinates)
		enc.numbers = append(enc.numbers, uint8(k))
		enc.classes = append(enc.classes, enc.known.at(p.params.Variant, k))
	}
}

// Decoder is a goroutine's working memory for Decode.
type Decoder struct {
	known   known
	classes []*class
	words   []byte
	turn    [abreast]part
}

// Decode reads a stream back into z and side. Anything but what Encode wrote is [fault.ErrCorrupt], or some
// other lattice points.
func (p *Pages) Decode(z []int16, side []uint32, runs []int, src []byte, dec *Decoder) error {
	size, n := binary.Uvarint(src)
	if n <= 0 || size > uint64(len(src)-n) {
		return errStream
	}
	d, err := newDecoder(src[n : n+int(size)])
	if err != nil {
		return err
	}
	src = src[n+int(size):]
	if err := p.getSides(&d, side, runs, dec); err != nil {
		return err
	}
	return dec.tiles(src, &d, len(side)*p.tiles, p.rawSize(dec.classes), func(parts []part, first int) {
		p.parts(parts, z, first, dec.classes, nil)
	})
}

var errCode = fmt.Errorf("%w: a code past %d", fault.ErrCorrupt, maxCode)
