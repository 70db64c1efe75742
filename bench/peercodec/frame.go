package peercodec

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// A frame, little-endian: magic 4, version 1, bits of keys 1, of values 1, rotation 1 (1: Hadamard, and 2
// for lloyd-max), element type 1,
// layers 4, kv_heads 4, head_dim 4, vectors 4; for each of them layer 4, part 4, position 4, tokens
// 4; the blocks of each in turn; CRC-32C of all before.
const (
	magic      = "KGML"
	version    = 2
	headSize   = 25
	headerSize = 16
	sumSize    = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s *stream) appendHead(b []byte, v []codec.Vectors) []byte {
	rotated := byte(0)
	if s.rotation == Hadamard {
		rotated = 1
	}
	b = append(b, magic...)
	if s.levels == LloydMax {
		rotated |= 2
	}
	b = append(b, version, byte(s.bits[0]), byte(s.bits[1]), rotated, byte(s.shape.Type))
	for _, n := range []int{s.shape.Layers, s.shape.KVHeads, s.shape.HeadDim, len(v)} {
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	for i := range v {
		for _, n := range []int{v[i].Layer, int(v[i].Part), v[i].Pos, v[i].Tokens} {
			b = binary.LittleEndian.AppendUint32(b, uint32(n))
		}
	}
	return b
}

// seal appends the checksum of what is in b from start on.
func seal(b []byte, start int) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// open checks that a frame is of this stream and of the vectors, and returns its blocks.
func (s *stream) open(frame []byte, v []codec.Vectors) ([]byte, error) {
	if len(frame) < headSize+sumSize || string(frame[:4]) != magic {
		return nil, corrupt("it is not one of this codec")
	}
	body, sum := frame[:len(frame)-sumSize], frame[len(frame)-sumSize:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(sum) {
		return nil, corrupt("the checksum does not match")
	}
	if body[4] != version {
		return nil, fmt.Errorf("frame: %w: version %d", base.ErrUnsupported, body[4])
	}
	want, bytes := s.appendHead(nil, v), 0
	for i := range v {
		bytes += v[i].Tokens * s.shape.KVHeads * s.vectorBytes(s.bits[v[i].Part-codec.Key])
	}
	if len(body) != len(want)+bytes || string(body[:len(want)]) != string(want) {
		return nil, corrupt("it is of another format or shape, or of other vectors")
	}
	return body[len(want):], nil
}

func corrupt(what string) error { return fmt.Errorf("frame: %w: %s", base.ErrCorrupt, what) }

// pageBits is what an element takes in a frame of a page of all layers.
func (s *stream) pageBits() float64 {
	const pageTokens = 64
	vectors := 2 * s.shape.Layers
	both := s.vectorBytes(s.bits[0]) + s.vectorBytes(s.bits[1])
	bytes := headSize + sumSize + vectors*headerSize + vectors/2*pageTokens*s.shape.KVHeads*both
	return 8 * float64(bytes) / float64(vectors*pageTokens*s.shape.TokenElements())
}
