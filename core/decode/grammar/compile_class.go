package grammar

import "unicode/utf8"

// class compiles a character class: ASCII in place, the rest as a call of a rule that equal
// classes share.
func (c *compiler) class(ranges class, next int32) int32 {
	var ascii byteSet
	var beyond [][]byte
	for _, r := range ranges {
		if r.from < utf8.RuneSelf {
			ascii.add(byte(r.from), byte(min(r.to, utf8.RuneSelf-1)))
		}
		if r.to >= utf8.RuneSelf {
			beyond = appendEncodings(beyond, max(r.from, utf8.RuneSelf), r.to)
		}
	}
	if len(beyond) == 0 {
		return c.readSet(ascii, next)
	}
	at := c.emit(node{op: opCall, next: next, arg: c.tail(beyond)})
	if ascii != (byteSet{}) {
		at = c.emit(node{op: opSplit, next: c.readSet(ascii, next), arg: at})
	}
	return at
}

// tail returns the rule that reads any of some encodings.
func (c *compiler) tail(encodings [][]byte) int32 {
	var key []byte
	for _, e := range encodings {
		key = append(append(key, byte(len(e))), e...)
	}
	if index, known := c.tails[string(key)]; known {
		return index
	}
	index := c.rule(func() int32 {
		suffixes := map[string]int32{"": returnNode}
		at := int32(-1)
		for _, e := range encodings {
			next := int32(returnNode)
			for i := len(e) - 2; i >= 0; i -= 2 {
				suffix := string(e[i:])
				node, known := suffixes[suffix]
				if !known {
					node = c.read(e[i], e[i+1], next)
					suffixes[suffix] = node
				}
				next = node
			}
			if at >= 0 {
				next = c.emit(node{op: opSplit, next: next, arg: at})
			}
			at = next
		}
		return at
	})
	c.tails[string(key)] = index
	return index
}

// appendEncodings appends the UTF-8 encodings of the code points in [from, to], beyond ASCII, as
// products of byte ranges: from, to, from, to, ... for each byte.
func appendEncodings(dst [][]byte, from, to rune) [][]byte {
	for _, last := range []rune{0x7FF, 0xFFFF} { // of two and of three bytes
		if from <= last && to > last {
			dst = appendEncodings(dst, from, last)
			from = last + 1
		}
	}
	// Split off the ends until each byte but the first runs freely or is fixed.
	for shift := 6; shift <= 18; shift += 6 {
		low := rune(1)<<shift - 1
		if from&^low == to&^low {
			break
		}
		if from&low != 0 {
			dst = appendEncodings(dst, from, from|low)
			return appendEncodings(dst, (from|low)+1, to)
		}
		if to&low != low {
			dst = appendEncodings(dst, from, (to&^low)-1)
			return appendEncodings(dst, to&^low, to)
		}
	}
	var a, b [utf8.UTFMax]byte
	size := utf8.EncodeRune(a[:], from)
	utf8.EncodeRune(b[:], to)
	ranges := make([]byte, 0, 2*size)
	for i := range size {
		ranges = append(ranges, a[i], b[i])
	}
	return append(dst, ranges)
}
