package entropy

import (
	"encoding/binary"

	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// lanes are the states of a stream's coders, those of the first tile first.
type lanes [abreast * lanesOfTile]uint32

// What may be read and written past the end of words and of raw bytes.
const (
	wordSpare = 1024
	rawSpare  = 8
)

// part is a tile at work.
type part struct {
	z      *[lattice.Tile]int16
	class  *class
	block  int // coordinates of a block
	blocks int // that the tile has
	full   bool
	peak   int    // encoding: the largest magnitude of a code
	strays uint64 // decoding: which of z no table listed; they lack all but their lowest bits
}

// has says whether a lane has a coordinate at j.
func (q *part) has(lane, j int) bool { return (lane*lanesOfTile+j)/q.block < q.blocks }

// ends says whether the coordinate at j is a block's last.
func (q *part) ends(j int) bool { return (j+1)%q.block == 0 }

// coordinate is what a lane codes of one.
type coordinate struct {
	table  int // which of the class's
	value  int // without the low bits
	listed bool
	coset  int
}

// walk takes the coordinates of a tile apart, in their order.
func (q *part) walk(visit func(lane, j int, c coordinate)) {
	var know [lanesOfTile]int // 2·coset + parity
	for j := range 8 {
		for lane := range lanesOfTile {
			if !q.has(lane, j) {
				continue
			}
			code := int(q.z[8*j+lane])
			if j%q.block == 0 {
				know[lane] = code & 1 << 1
			}
			c := coordinate{
				table: int(q.class.tables[j][know[lane]]) / probOne, coset: code & 1, value: code >> 1 >> q.class.shift,
			}
			if c.listed = q.class.encode[c.table].listed(c.value); c.listed {
				know[lane] ^= c.value & 1
			}
			visit(lane, j, c)
		}
	}
}

// putUnlisted codes the coordinates that no table lists.
func (q *part) putUnlisted(e *encoder) {
	q.walk(func(_, _ int, c coordinate) {
		if !c.listed {
			putAny(e, c.value)
		}
	})
}

// findStrays looks for codes of what no table lists.
func (q *part) findStrays() {
	for i, v := range q.z {
		if int(v)>>1>>q.class.shift == escape {
			q.strays |= 1 << i
		}
	}
}

// fill reads them back.
func (q *part) fill(d *decoder) error {
	for i, v := range q.z {
		if q.strays>>i&1 == 0 {
			continue
		}
		value, unit := getAny(d), 2<<q.class.shift
		if value > maxCode || value < -maxCode {
			return errCode
		}
		code := value*unit + int(v)&(unit-1)
		if code > maxCode || code < -maxCode {
			return errCode
		}
		q.z[i] = int16(code)
	}
	return q.even()
}

// even checks that the blocks are points of the lattice.
func (q *part) even() error {
	for lane := range lanesOfTile {
		sum := 0
		for j := range 8 {
			sum += int(q.z[8*j+lane]) >> 1
			if q.ends(j) && sum&1 != 0 {
				return errStream
			}
		}
	}
	return nil
}

// encodePortable codes the parts of one turn before what was coded already: words end at w[at:], and raw
// is where the parts' bytes lie, zeros so far.
func encodePortable(x *lanes, parts []part, w []byte, at int, raw []byte) int {
	var events [abreast][lattice.Tile]event
	var cosets [abreast][lanesOfTile]int
	for i := range parts {
		q := &parts[i]
		q.walk(func(lane, j int, c coordinate) {
			value := c.value
			if !c.listed {
				value = escape
			}
			events[i][8*j+lane], _ = q.class.encode[c.table][value-escape].event()
			cosets[i][lane] = c.coset
		})
		q.putRaw(raw)
		raw = raw[q.class.rawSize:]
	}
	for j := 7; j >= 0; j-- {
		for i := len(parts) - 1; i >= 0; i-- {
			for lane := lanesOfTile - 1; lane >= 0; lane-- {
				if parts[i].has(lane, j) {
					s := &x[lanesOfTile*i+lane]
					*s, at = events[i][8*j+lane].push(*s, w, at)
				}
			}
		}
	}
	for i := len(parts) - 1; i >= 0; i-- {
		half := parts[i].class.half
		if half == 0 {
			continue
		}
		for lane := lanesOfTile - 1; lane >= 0; lane-- {
			if !parts[i].has(lane, 0) {
				continue
			}
			v := newEvent(0, int(half&0xffff))
			if cosets[i][lane] == 1 {
				v = half
			}
			s := &x[lanesOfTile*i+lane]
			*s, at = v.push(*s, w, at)
		}
	}
	return at
}

// putRaw writes the bits that are stored as they are: the cosets of the lanes, then the low bits of every
// coordinate of all lanes, but the lowest of those that end a block.
func (q *part) putRaw(raw []byte) {
	bit := 0
	if q.block == 8 && q.class.half == 0 {
		for lane := range lanesOfTile {
			if q.has(lane, 0) {
				raw[0] |= byte(q.z[lane]&1) << lane
			}
		}
		bit = 8
	}
	shift := q.class.shift
	if shift == 0 {
		return
	}
	for j := range 8 {
		n, drop := shift, 0
		if q.ends(j) {
			n, drop = shift-1, 1
		}
		for lane := range lanesOfTile {
			if q.has(lane, j) {
				v := uint32(q.z[8*j+lane]) >> (1 + drop) & (1<<n - 1)
				at := bit + lane*n
				v <<= at & 7
				for b := at >> 3; v != 0; b++ {
					raw[b] |= byte(v)
					v >>= 8
				}
			}
		}
		bit += lanesOfTile * n
	}
}

// decodePortable decodes the parts of one turn. Words are read from w[at:], which has wordSpare to spare, raw has
// the parts' bytes and rawSpare to spare.
func decodePortable(x *lanes, parts []part, w []byte, at int, raw []byte) (int, error) {
	take := func(s *uint32, freq, bias uint32) {
		if *s = freq*(*s>>probBits) + bias; *s < stateLow {
			*s = *s<<16 | uint32(binary.LittleEndian.Uint16(w[at:]))
			at += wordBytes
		}
	}
	var cosets, know, low [abreast][lanesOfTile]int
	var bit [abreast]int
	rawBits := 0
	for i := range parts {
		q := &parts[i]
		*q.z = [lattice.Tile]int16{}
		bit[i] = rawBits
		rawBits += 8 * q.class.rawSize
		switch start := uint32(q.class.half & 0xffff); {
		case q.block != 8:
		case start != 0:
			for lane := range lanesOfTile {
				if !q.has(lane, 0) {
					continue
				}
				s := &x[lanesOfTile*i+lane]
				if slot := *s & (probOne - 1); slot >= start {
					cosets[i][lane] = 1
					take(s, probOne-start, slot-start)
				} else {
					take(s, start, slot)
				}
			}
		default:
			for lane := range lanesOfTile {
				cosets[i][lane] = int(raw[bit[i]>>3] >> lane & 1)
			}
			bit[i] += 8
		}
	}
	for j := range 8 {
		for i := range parts {
			q := &parts[i]
			shift := q.class.shift
			n, ends := shift, q.ends(j)
			if ends {
				n = max(shift-1, 0)
			}
			for lane := range lanesOfTile {
				if !q.has(lane, j) {
					continue
				}
				if j%q.block == 0 {
					know[i][lane], low[i][lane] = 2*cosets[i][lane], 0
				}
				s := &x[lanesOfTile*i+lane]
				v := q.class.decode[q.class.tables[j][know[i][lane]]/probOne][*s&(probOne-1)]
				take(s, slotFreq(v), slotBias(v))
				value := slotValue(v)
				know[i][lane] ^= value & 1
				b := bit[i] + lane*n
				bits := int(binary.LittleEndian.Uint32(raw[b>>3:]) >> (b & 7) & (1<<n - 1))
				if ends && shift > 0 {
					bits = bits<<1 | low[i][lane]
				}
				low[i][lane] ^= bits & 1
				if value == escape {
					q.strays |= 1 << (8*j + lane)
					value = 0
				}
				code := (value<<shift|bits)<<1 + cosets[i][lane]
				if code > maxCode || code < -maxCode {
					return at, errCode
				}
				q.z[8*j+lane] = int16(code)
			}
			bit[i] += lanesOfTile * n
		}
	}
	return at, nil
}
