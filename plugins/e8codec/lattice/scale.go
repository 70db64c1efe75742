package lattice

import "math"

// A scale code is a 16-bit floating-point number without a sign: 9 bits of exponent above 7 of
// mantissa, 0 for zero. It covers every magnitude that a rotated float32 vector can have, from
// 2^-150 to 2^361, to one part in 128.
const (
	scaleBits = 7
	scaleBias = 151 // the code of 2^-150 is 1<<scaleBits
)

// ScaleValue is the number that a scale code stands for.
func ScaleValue(code uint16) float64 {
	if code < 1<<scaleBits {
		return 0
	}
	return math.Float64frombits((uint64(code) + (1023-scaleBias)<<scaleBits) << (52 - scaleBits))
}

// scaleNear is the code of the scale nearest to v. grid is the number of mantissa bits that are
// used, from 0 to 7.
func scaleNear(v float64, grid int) uint16 {
	if v <= 0 {
		return 0
	}
	frac, exp := math.Frexp(v) // frac in [½, 1)
	units := int(math.RoundToEven((2*frac - 1) * float64(int(1)<<grid)))
	code := (exp-1+scaleBias)<<scaleBits + units<<(scaleBits-grid)
	return uint16(min(max(code, 1<<scaleBits), 1<<16-1))
}
