package half

// Each of these converts len(dst) elements; src is at least as long.

// FromFloat16s converts from f16.
func FromFloat16s(dst []float32, src []uint16) {
	n := fromFloat16s(dst, src)
	for i, h := range src[n:len(dst)] {
		dst[n+i] = FromFloat16(h)
	}
}

// ToFloat16s converts to f16.
func ToFloat16s(dst []uint16, src []float32) {
	n := toFloat16s(dst, src)
	for i, f := range src[n:len(dst)] {
		dst[n+i] = ToFloat16(f)
	}
}

// FromBFloat16s converts from bf16.
func FromBFloat16s(dst []float32, src []uint16) {
	for i, h := range src[:len(dst)] {
		dst[i] = FromBFloat16(h)
	}
}

// ToBFloat16s converts to bf16.
func ToBFloat16s(dst []uint16, src []float32) {
	for i, f := range src[:len(dst)] {
		dst[i] = ToBFloat16(f)
	}
}
