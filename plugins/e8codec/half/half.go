// Package half converts between float32 and the two 16-bit floating-point formats that KV caches
// use: IEEE 754 binary16 (f16) and bfloat16 (bf16). Every conversion from float32 rounds to the
// nearest value, ties to even.
package half

import "math"

// FromFloat16 is the value of an IEEE half.
func FromFloat16(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	frac := uint32(h) & 0x3ff
	switch {
	case exp == 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	v := float32(frac) * 0x1p-24 // zero and subnormals: exact
	if sign != 0 {
		v = -v
	}
	return v
}

// ToFloat16 is the IEEE half nearest to f. Values past 65504 become infinite as IEEE has it.
func ToFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b>>16) & 0x8000
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00
	case b >= 0x477ff000: // 65520 and above
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: subnormal, in units of 2^-24
		v := math.Float32frombits(b)
		return sign | uint16(math.RoundToEven(float64(v)*0x1p24))
	}
	b += 0xfff + b>>13&1
	return sign | uint16(b>>13-112<<10)
}

// FromBFloat16 is the value of a bfloat16.
func FromBFloat16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// ToBFloat16 is the bfloat16 nearest to f.
func ToBFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// The largest finite values.
const (
	MaxFloat16  = 65504
	MaxBFloat16 = 0x1.fep127
)

// The bits of the exponents, which are all set in what is infinite or no number, and in nothing else.
const (
	ExponentFloat16  = 0x7c00
	ExponentBFloat16 = 0x7f80
)
