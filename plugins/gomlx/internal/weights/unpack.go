package weights

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"
)

func half(b []byte) float32 {
	return float16.Frombits(binary.LittleEndian.Uint16(b)).Float32()
}

func unpackF32(dst []float32, b []byte) {
	dst[0] = math.Float32frombits(binary.LittleEndian.Uint32(b))
}

func unpackF16(dst []float32, b []byte) { dst[0] = half(b) }

func unpackBF16(dst []float32, b []byte) {
	dst[0] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
}

// unpackQ4_0 reads a scale in f16 and 32 numbers of 4 bits, biased by 8: the low halves of the bytes are the first 16.
func unpackQ4_0(dst []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:18] {
		dst[i] = d * float32(int(q&15)-8)
		dst[i+16] = d * float32(int(q>>4)-8)
	}
}

// unpackQ4_1 reads a scale and a smallest number, and 32 numbers of 4 bits.
func unpackQ4_1(dst []float32, b []byte) {
	d, m := half(b), half(b[2:])
	for i, q := range b[4:20] {
		dst[i] = float32(d*float32(q&15)) + m
		dst[i+16] = float32(d*float32(q>>4)) + m
	}
}

// unpackQ5_0 is Q4_0 with a fifth bit for each number, bias 16.
func unpackQ5_0(dst []float32, b []byte) {
	d, high := half(b), binary.LittleEndian.Uint32(b[2:])
	for i, q := range b[6:22] {
		dst[i] = d * float32(int(q&15|fifth(high, i))-16)
		dst[i+16] = d * float32(int(q>>4|fifth(high, i+16))-16)
	}
}

// unpackQ5_1 is Q4_1 with a fifth bit for each number.
func unpackQ5_1(dst []float32, b []byte) {
	d, m, high := half(b), half(b[2:]), binary.LittleEndian.Uint32(b[4:])
	for i, q := range b[8:24] {
		dst[i] = float32(d*float32(q&15|fifth(high, i))) + m
		dst[i+16] = float32(d*float32(q>>4|fifth(high, i+16))) + m
	}
}

func fifth(high uint32, i int) byte { return byte(high>>i&1) << 4 }

func unpackQ8_0(dst []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:34] {
		dst[i] = d * float32(int8(q))
	}
}
