package peercodec

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// block is how many elements share a scale.
const block = 32

// blockBytes are those of ggml's block_q8_0, block_q5_0 and block_q4_0.
func blockBytes(bits int) int { return 2 + block*bits/8 }

func (s *stream) vectorBytes(bits int) int {
	if s.levels == LloydMax {
		return 2 + s.shape.HeadDim*bits/8
	}
	return s.shape.HeadDim / block * blockBytes(bits)
}

// pack appends the blocks of x, which it may rotate.
func (s *stream) pack(bits int, b []byte, x []float32) []byte {
	if s.rotation == Hadamard {
		hadamard(x)
	}
	if s.levels == LloydMax {
		return packLevels(b, x, bits)
	}
	for ; len(x) > 0; x = x[block:] {
		if bits == 8 {
			b = packBytes(b, x[:block])
		} else {
			b = packLow(b, x[:block], bits)
		}
	}
	return b
}

// unpack is the way back.
func (s *stream) unpack(bits int, x []float32, b []byte) {
	for at := 0; at < len(x) && s.levels == Even; at += block {
		if bits == 8 {
			unpackBytes(x[at:at+block], b)
		} else {
			unpackLow(x[at:at+block], b, bits)
		}
		b = b[blockBytes(bits):]
	}
	if s.levels == LloydMax {
		unpackLevels(x, b, bits)
	}
	if s.rotation == Hadamard {
		hadamard(x)
	}
}

// packBytes is q8_0: the largest magnitude becomes 127.
func packBytes(b []byte, x []float32) []byte {
	d := magnitude(peak(x)) / 127
	b = appendHalf(b, d)
	for _, v := range x {
		q := 0.0
		if d > 0 {
			q = math.Round(float64(v / d))
		}
		b = append(b, byte(int8(q)))
	}
	return b
}

func unpackBytes(x []float32, b []byte) {
	d := half(b)
	for i := range x {
		x[i] = float32(int8(b[2+i])) * d
	}
}

// packLow is q4_0 and q5_0: the element of largest magnitude becomes the lowest number there is.
// Element i has its low four bits in byte i, those of i+16 above them; fifth bits come first.
func packLow(b []byte, x []float32, bits int) []byte {
	n := 1 << (bits - 1)
	d := peak(x) / float32(-n)
	b = appendHalf(b, d)
	var q [block]int
	fifth := uint32(0)
	for i, v := range x {
		q[i] = n
		if d != 0 {
			q[i] = max(0, min(int(v/d+float32(n)+0.5), 2*n-1))
		}
		fifth |= uint32(q[i]>>4) << i
	}
	if bits == 5 {
		b = binary.LittleEndian.AppendUint32(b, fifth)
	}
	for i := range block / 2 {
		b = append(b, byte(q[i]&15|q[i+block/2]&15<<4))
	}
	return b
}

func unpackLow(x []float32, b []byte, bits int) {
	d, n := half(b), 1<<(bits-1)
	b = b[2:]
	fifth := uint32(0)
	if bits == 5 {
		fifth = binary.LittleEndian.Uint32(b)
		b = b[4:]
	}
	for i := range x {
		q := int(b[i%(block/2)]>>(4*(i/(block/2)))) & 15
		q |= int(fifth>>i&1) << 4
		x[i] = float32(q-n) * d
	}
}

// hadamard multiplies x by the Sylvester-Hadamard matrix over √len(x), which is its own inverse.
func hadamard(x []float32) {
	for half := 1; half < len(x); half *= 2 {
		for i := 0; i < len(x); i += 2 * half {
			for j := i; j < i+half; j++ {
				x[j], x[j+half] = x[j]+x[j+half], x[j]-x[j+half]
			}
		}
	}
	norm := float32(1 / math.Sqrt(float64(len(x))))
	for i := range x {
		x[i] *= norm
	}
}

// peak is the element of largest magnitude.
func peak(x []float32) (m float32) {
	for _, v := range x {
		if magnitude(v) > magnitude(m) {
			m = v
		}
	}
	return m
}

func magnitude(v float32) float32 { return float32(math.Abs(float64(v))) }

func finite(x []float32) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}

func appendHalf(b []byte, v float32) []byte {
	b = append(b, 0, 0)
	codec.F16.Store(b[len(b)-2:], []float32{v})
	return b
}

func half(b []byte) float32 {
	var v [1]float32
	codec.F16.Load(v[:], b[:2])
	return v[0]
}

// pageError is the squared error over the squares of normal numbers, and a little.
func (s *stream) pageError() float64 {
	const vectors, margin = 512, 1.05
	rng := rand.New(rand.NewPCG(1, uint64(s.shape.HeadDim)))
	x, y := make([]float32, s.shape.HeadDim), make([]float32, s.shape.HeadDim)
	stored := make([]byte, s.shape.HeadDim*s.shape.Type.Size())
	var lost, squares float64
	var packed []byte
	bits := min(s.bits[0], s.bits[1])
	for range vectors {
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		s.shape.Type.Store(stored, x)
		s.shape.Type.Load(x, stored)
		copy(y, x)
		packed = s.pack(bits, packed[:0], y)
		s.unpack(bits, y, packed)
		s.shape.Type.Store(stored, y)
		s.shape.Type.Load(y, stored)
		for i := range x {
			d := float64(x[i]) - float64(y[i])
			lost += d * d
			squares += float64(x[i]) * float64(x[i])
		}
	}
	return lost / squares * margin
}
