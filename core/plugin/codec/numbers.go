package codec

import (
	"encoding/binary"
	"math"
)

// Load reads len(dst) elements of the format from data, which must hold them.
func (d DType) Load(dst []float32, data []byte) {
	switch d {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = fromHalf(binary.LittleEndian.Uint16(data[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[2*i:])) << 16)
		}
	}
}

// Store writes src to data in the format, rounding to nearest, half to even. Finite values past
// the format's range become its largest: what was finite stays so.
func (d DType) Store(data []byte, src []float32) {
	switch d {
	case F32:
		for i, x := range src {
			binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(x))
		}
	case F16:
		for i, x := range src {
			binary.LittleEndian.PutUint16(data[2*i:], toHalf(x))
		}
	case BF16:
		for i, x := range src {
			binary.LittleEndian.PutUint16(data[2*i:], toBrain(x))
		}
	}
}

const (
	halfMax  = 0x7bff
	brainMax = 0x7f7f
)

func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h&0x8000)<<16, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch exponent {
	case 0:
		x := float32(fraction) * 0x1p-24
		return math.Float32frombits(math.Float32bits(x) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

func toHalf(x float32) uint16 {
	bits := math.Float32bits(x)
	sign, magnitude := uint16(bits>>16)&0x8000, bits&0x7fffffff
	switch {
	case magnitude > 0x7f800000:
		return sign | 0x7e00
	case magnitude == 0x7f800000:
		return sign | 0x7c00
	case magnitude < 0x38800000: // below the smallest normal number: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(magnitude))*0x1p24))
	}
	rounded := (magnitude - 112<<23 + 0xfff + magnitude>>13&1) >> 13
	return sign | uint16(min(rounded, halfMax))
}

func toBrain(x float32) uint16 {
	bits := math.Float32bits(x)
	sign, magnitude := uint16(bits>>16)&0x8000, bits&0x7fffffff
	if magnitude >= 0x7f800000 {
		quiet := uint16(0)
		if magnitude > 0x7f800000 {
			quiet = 0x40
		}
		return sign | uint16(magnitude>>16) | quiet
	}
	return sign | uint16(min((magnitude+0x7fff+magnitude>>16&1)>>16, brainMax))
}
