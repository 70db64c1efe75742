package fake

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// A frame, little-endian: magic 4, version 1, mode 1, type 1, zero 1, layers 4, kv_heads 4,
// head_dim 4, vectors 4; for each of them layer 4, part 4, pos 4, tokens 4; the payload of each in
// turn; CRC-32C of all before.
const (
	magic      = "KFAK"
	version    = 1
	headSize   = 24
	headerSize = 16
	sumSize    = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var modeBytes = map[string]byte{ModeNone: 1, ModeInt8: 2}

// payloadBytes is what one token of one layer's keys takes.
func (s *stream) payloadBytes() int {
	if s.mode == ModeNone {
		return s.shape.TokenBytes()
	}
	return s.shape.KVHeads * (4 + s.shape.HeadDim)
}

func (s *stream) frameBytes(vectors, tokens int) int {
	return headSize + vectors*(headerSize+tokens*s.payloadBytes()) + sumSize
}

func (s *stream) appendHead(b []byte, v []codec.Vectors) []byte {
	b = append(b, magic...)
	b = append(b, version, modeBytes[s.mode], byte(s.shape.Type), 0)
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

func corrupt(what string) error { return fmt.Errorf("frame: %w: %s", base.ErrCorrupt, what) }

// open checks that a frame is of this stream and of the vectors, and returns its payload.
func (s *stream) open(frame []byte, v []codec.Vectors) ([]byte, error) {
	if len(frame) < headSize+sumSize || string(frame[:4]) != magic {
		return nil, corrupt("it is not one of this codec")
	}
	body, sum := frame[:len(frame)-sumSize], frame[len(frame)-sumSize:]
	if s.lie != LieDamage && crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(sum) {
		return nil, corrupt("the checksum does not match")
	}
	if s.lie == LieMemory {
		body = slices.Clone(body)
		body[7] = 0
	}
	if body[4] != version {
		return nil, fmt.Errorf("frame: %w: version %d", base.ErrUnsupported, body[4])
	}
	want := s.appendHead(nil, v)
	if len(body) < len(want) {
		return nil, corrupt("it is of other vectors")
	}
	if s.lie != LieShape && string(body[:headSize]) != string(want[:headSize]) {
		return nil, corrupt("it is of another mode or shape")
	}
	if s.lie != LieHeaders && s.lie != LieDamage && string(body[headSize:len(want)]) != string(want[headSize:]) {
		return nil, corrupt("it is of other vectors")
	}
	payload, tokens := body[len(want):], 0
	for i := range v {
		tokens += v[i].Tokens
	}
	if len(payload) != tokens*s.payloadBytes() && s.lie != LieBytes {
		if s.lie != LieShape && s.lie != LieHeaders || len(payload) < tokens*s.payloadBytes() {
			return nil, corrupt("its length is wrong")
		}
	}
	return payload, nil
}
