package entropy

import (
	"encoding/binary"

	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// tiles appends so many tiles to dst: raw bytes that are stored as they are, the lanes' states, then the words.
// fill says what those from first on are.
func (enc *Encoder) tiles(dst []byte, tiles, raw int, fill func(parts []part, first int)) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, raw+rawSpare)...)
	n := turnOf(tiles)
	if size := wordBytes*(lattice.Tile+lanesOfTile)*(tiles+2) + wordSpare; len(enc.words) < size {
		enc.words = make([]byte, size)
	}
	var x lanes
	for i := range x {
		x[i] = stateLow
	}
	top := len(enc.words) - wordSpare
	w, end := top, at+raw
	for first := (tiles - 1) / n * n; first >= 0 && tiles > 0; first -= n {
		parts := enc.turn[:min(n, tiles-first)]
		fill(parts, first)
		for i := range parts {
			end -= parts[i].class.rawSize
		}
		w = encodeParts(&x, parts, enc.words, w, dst[end:], &enc.scratch)
	}
	dst = dst[:at+raw]
	for _, v := range x[:n*lanesOfTile] {
		dst = binary.LittleEndian.AppendUint32(dst, v)
	}
	return append(dst, enc.words[w:top]...)
}

// tiles reads them back, and what d has beside them, of which nothing may be left.
func (dec *Decoder) tiles(src []byte, d *decoder, tiles, raw int, fill func(parts []part, first int)) (err error) {
	n := turnOf(tiles)
	if len(src) < raw+n*lanesOfTile*stateBytes {
		return errStream
	}
	var x lanes
	for i := range x[:n*lanesOfTile] {
		if x[i] = binary.LittleEndian.Uint32(src[raw+i*stateBytes:]); x[i] < stateLow || x[i] >= stateLow<<16 {
			return errStream
		}
	}
	length := len(src) - raw - n*lanesOfTile*stateBytes
	if len(dec.words) < length+wordSpare {
		dec.words = make([]byte, length+wordSpare)
	}
	copy(dec.words, src[len(src)-length:])
	clear(dec.words[length : length+wordSpare])
	at := 0
	for first := 0; first < tiles; first += n {
		parts := dec.turn[:min(n, tiles-first)]
		fill(parts, first)
		if at, err = decodeParts(&x, parts, dec.words, at, src); err != nil {
			return err
		}
		if at > length {
			return errStream
		}
		for i := range parts {
			src = src[parts[i].class.rawSize:]
			if parts[i].strays == 0 {
				continue
			}
			if err := parts[i].fill(d); err != nil {
				return err
			}
		}
	}
	for _, v := range x[:n*lanesOfTile] {
		if v != stateLow {
			return errStream
		}
	}
	if at != length {
		return errStream
	}
	return d.end()
}
