package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// A frame, integers little-endian:
//
//	0   4  magic "KVI8"
//	4   1  version, 1
//	5   1  number format: 1 f32, 2 f16, 3 bf16
//	6   2  zero
//	8   4  layers
//	12  4  kv_heads
//	16  4  head_dim
//	20  4  number of vectors
//	24     for each: layer 4, part 4 (1 key, 2 value), position 4, tokens 4
//	       for each, token by token and head by head: scale 4 (f32), head_dim integers of a byte
//	-4  4  CRC-32 (IEEE) of all before
const (
	magic       = "KVI8"
	layout      = 1
	headSize    = 24
	headerSize  = 16
	sumSize     = 4
	versionByte = 4
)

// frameBytes is the length of a frame of so many vectors that have so many tokens together.
func (s *stream) frameBytes(vectors, tokens int) int {
	return headSize + vectors*headerSize + tokens*s.tokenBytes() + sumSize
}

// tokenBytes is what one token of one layer's keys takes.
func (s *stream) tokenBytes() int { return s.shape.KVHeads * (4 + s.shape.HeadDim) }

func (s *stream) appendHead(b []byte, v []codec.Vectors) []byte {
	b = append(b, magic...)
	b = append(b, layout, byte(s.shape.Type), 0, 0)
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

// appendSum ends a frame that begins at start.
func appendSum(b []byte, start int) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}

// payload checks that a frame is whole, of this shape and of these vectors, and returns what follows
// its head. Only then is it safe to be read.
func (s *stream) payload(frame []byte, v []codec.Vectors) ([]byte, error) {
	if len(frame) < headSize+sumSize || string(frame[:len(magic)]) != magic {
		return nil, corrupt("it is not one of this codec")
	}
	if frame[versionByte] != layout {
		return nil, fmt.Errorf("frame: %w: version %d", base.ErrUnsupported, frame[versionByte])
	}
	body, sum := frame[:len(frame)-sumSize], frame[len(frame)-sumSize:]
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(sum) {
		return nil, corrupt("the checksum does not match")
	}
	head, tokens := s.appendHead(nil, v), 0
	for i := range v {
		tokens += v[i].Tokens
	}
	if len(frame) != s.frameBytes(len(v), tokens) || !bytes.Equal(body[:len(head)], head) {
		return nil, corrupt("it is of another shape or of other vectors")
	}
	return body[len(head):], nil
}

func corrupt(why string) error { return fmt.Errorf("frame: %w: %s", base.ErrCorrupt, why) }
