package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
)

const (
	magic     = "KVP8"
	version   = 2
	headSize  = 28
	atVersion = 4
	atCoding  = 7
	atSum     = 24
	compatBit = 128
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal appends the frame that the payloads of v's groups make to dst.
func (s *stream) seal(dst []byte, v []contract.Vectors, payloads [][]byte) []byte {
	size := headSize + 3*binary.MaxVarintLen32*len(v)
	for _, p := range payloads {
		size += len(p)
	}
	at := len(dst)
	dst = s.appendHead(slices.Grow(dst, size), s.packer.Options().Coding, v)
	for _, p := range payloads {
		dst = append(dst, p...)
	}
	binary.LittleEndian.PutUint32(dst[at+atSum:], checksum(dst[at:]))
	return dst
}

// unseal checks that a frame is of this stream and of v, in either coding, and finds the payloads of its groups.
func (s *stream) unseal(packed []byte, v []contract.Vectors) (frame.Coding, [][]byte, error) {
	if len(packed) < headSize || string(packed[:len(magic)]) != magic {
		return 0, nil, corrupt("it is not one of this codec")
	}
	if got := packed[atVersion]; got != version {
		return 0, nil, fmt.Errorf("frame: %w: version %d", base.ErrUnsupported, got)
	}
	if binary.LittleEndian.Uint32(packed[atSum:]) != checksum(packed) {
		return 0, nil, corrupt("the checksum does not match")
	}
	coding := frame.Coding(packed[atCoding] &^ compatBit)
	if coding != frame.Fixed && coding != frame.Pages {
		return 0, nil, corrupt(coding.String())
	}
	head := s.appendHead(nil, coding, v)
	if !bytes.Equal(packed[:atSum], head[:atSum]) {
		return 0, nil, corrupt("it is of another format or shape, or of fewer or more vectors")
	}
	rest, ok := bytes.CutPrefix(packed[headSize:], head[headSize:])
	if !ok {
		return 0, nil, corrupt("it is of other vectors")
	}
	var payloads [][]byte
	for _, g := range s.groups(v) {
		tokens := make([]int, 0, g.n)
		for _, v := range v[g.first : g.first+g.n] {
			tokens = append(tokens, v.Tokens)
		}
		payload, after, err := s.packer.CutPayload(rest, coding, tokens...)
		if err != nil {
			return 0, nil, fmt.Errorf("frame: vectors[%d]: %w", g.first, err)
		}
		payloads, rest = append(payloads, payload), after
	}
	if len(rest) != 0 {
		return 0, nil, corrupt(fmt.Sprintf("%d bytes after the last vectors", len(rest)))
	}
	return coding, payloads, nil
}

// appendHead writes what stands before the payloads, with a checksum of zero.
func (s *stream) appendHead(b []byte, coding frame.Coding, v []contract.Vectors) []byte {
	o := s.packer.Options()
	codingByte := byte(coding)
	if o.Params.Compat {
		codingByte |= compatBit
	}
	b = append(b, magic...)
	b = append(b, version, byte(o.Params.Variant), byte(o.Params.Q), codingByte, byte(s.shape.Type), byte(o.Scaling))
	b = binary.LittleEndian.AppendUint16(b, uint16(s.shape.HeadDim))
	for _, n := range []int{s.shape.KVHeads, s.shape.Layers, len(v), 0} {
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	}
	for i := range v {
		which := 2 * v[i].Layer
		if v[i].Part == contract.Value {
			which++
		}
		for _, n := range []int{which, v[i].Pos, v[i].Tokens} {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	return b
}

func checksum(packed []byte) uint32 {
	return crc32.Update(crc32.Checksum(packed[:atSum], castagnoli), castagnoli, packed[headSize:])
}

func corrupt(what string) error { return fmt.Errorf("frame: %w: %s", base.ErrCorrupt, what) }
