package textstream

import "unicode/utf8"

// decoder makes valid UTF-8 of bytes that come in pieces.
type decoder struct {
	partial []byte // the beginning of a character: at most 3 bytes
}

// append appends the text of partial and piece to dst, up to the beginning of an incomplete
// character, which it keeps for the next call.
func (d *decoder) append(dst, piece []byte) []byte {
	for len(d.partial) > 0 && len(piece) > 0 {
		d.partial = append(d.partial, piece[0])
		piece = piece[1:]
		for len(d.partial) > 0 && utf8.FullRune(d.partial) {
			r, size := utf8.DecodeRune(d.partial)
			dst = utf8.AppendRune(dst, r)
			d.partial = append(d.partial[:0], d.partial[size:]...)
		}
	}
	for len(piece) > 0 {
		if !utf8.FullRune(piece) {
			d.partial = append(d.partial, piece...)
			break
		}
		r, size := utf8.DecodeRune(piece)
		dst = utf8.AppendRune(dst, r)
		piece = piece[size:]
	}
	return dst
}

// flush appends one U+FFFD for each byte of an incomplete character.
func (d *decoder) flush(dst []byte) []byte {
	for range d.partial {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	d.partial = nil
	return dst
}
