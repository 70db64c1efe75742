package entropy

import "math/bits"

// wide is an unsigned integer of 128 bits.
type wide struct{ hi, lo uint64 }

func (a wide) add(b wide) wide {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	return wide{a.hi + b.hi + carry, lo}
}

func (a wide) sub(b wide) wide {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	return wide{a.hi - b.hi - borrow, lo}
}

func (a wide) less(b wide) bool {
	return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo
}

// halve is a/2, double 2·a.
func (a wide) halve() wide  { return wide{a.hi >> 1, a.hi<<63 | a.lo>>1} }
func (a wide) double() wide { return wide{a.hi<<1 | a.lo>>63, a.lo << 1} }

// product is a·b.
func product(a, b uint64) wide {
	hi, lo := bits.Mul64(a, b)
	return wide{hi, lo}
}

// divide is a/b and the remainder. a/b fits 64 bits.
func (a wide) divide(b uint64) (quotient, remainder uint64) { return bits.Div64(a.hi, a.lo, b) }

// length is the number of bits in a.
func (a wide) length() int {
	if a.hi != 0 {
		return 64 + bits.Len64(a.hi)
	}
	return bits.Len64(a.lo)
}
