package codec

import (
	"encoding/binary"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// A message in a lane of a link, little-endian; places are relative to the arena.
//
//	0   1  operation
//	1   3  zero
//	4   4  vectors
//	8   8  stream
//	16  16 place of the frame: of one to decode, or where to put one
//	32     for each vector: layer 4, part 4, pos 4, tokens 4, place of the data 16, and
//	       for DecodeIntegers, where the data are the coordinates, place of the scales 16
//
// For the answer see link.ReadAnswer. To Encode it goes on with the length of the frame in 8 bytes;
// if that is more than there is room for, the frame was not put there.
type message struct {
	op      op
	stream  uint64
	frame   link.Place
	vectors []placed
}

// placed is a header and where the data are.
type placed struct {
	header Vectors
	data   link.Place
	scale  link.Place
}

type op uint8

const (
	opRoundTrip      op = 1
	opEncode         op = 2
	opDecode         op = 3
	opDecodeIntegers op = 4
)

const (
	messageHead    = 32
	vectorSize     = 32
	coordinateSize = 48
)

func (o op) vectorSize() int {
	if o == opDecodeIntegers {
		return coordinateSize
	}
	return vectorSize
}

func (m message) append(b []byte) []byte {
	b = append(b, byte(m.op), 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.vectors)))
	b = binary.LittleEndian.AppendUint64(b, m.stream)
	b = appendPlace(b, m.frame)
	for i := range m.vectors {
		v := &m.vectors[i]
		b = binary.LittleEndian.AppendUint32(b, uint32(v.header.Layer))
		b = binary.LittleEndian.AppendUint32(b, uint32(v.header.Part))
		b = binary.LittleEndian.AppendUint32(b, uint32(v.header.Pos))
		b = binary.LittleEndian.AppendUint32(b, uint32(v.header.Tokens))
		b = appendPlace(b, v.data)
		if m.op == opDecodeIntegers {
			b = appendPlace(b, v.scale)
		}
	}
	return b
}

func appendPlace(b []byte, p link.Place) []byte {
	b = binary.LittleEndian.AppendUint64(b, p.At)
	return binary.LittleEndian.AppendUint64(b, p.Length)
}

func placeOf(b []byte) link.Place {
	return link.Place{At: binary.LittleEndian.Uint64(b), Length: binary.LittleEndian.Uint64(b[8:])}
}

var errMessage = fmt.Errorf("%w: not a message of this link", base.ErrCorrupt)

// parse reads what a peer has sent into m, whose vectors are used again. Headers and places are
// not checked: shape and arena are to be asked.
func (m *message) parse(b []byte) error {
	if len(b) < messageHead || b[1]|b[2]|b[3] != 0 {
		return errMessage
	}
	m.op = op(b[0])
	if m.op < opRoundTrip || m.op > opDecodeIntegers {
		return errMessage
	}
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	m.stream = binary.LittleEndian.Uint64(b[8:])
	m.frame = placeOf(b[16:])
	b = b[messageHead:]
	size := m.op.vectorSize()
	if n > MaxVectors || n*uint64(size) != uint64(len(b)) {
		return errMessage
	}
	m.vectors = m.vectors[:0]
	for ; len(b) > 0; b = b[size:] {
		v := placed{data: placeOf(b[16:])}
		part := binary.LittleEndian.Uint32(b[4:])
		if part > 0xff {
			return errMessage
		}
		v.header = Vectors{
			Layer:  int(int32(binary.LittleEndian.Uint32(b))),
			Part:   Part(part),
			Pos:    int(int32(binary.LittleEndian.Uint32(b[8:]))),
			Tokens: int(int32(binary.LittleEndian.Uint32(b[12:]))),
		}
		if m.op == opDecodeIntegers {
			v.scale = placeOf(b[32:])
		}
		m.vectors = append(m.vectors, v)
	}
	return nil
}
