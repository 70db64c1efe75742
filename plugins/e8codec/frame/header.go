package frame

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// Coding is how a frame stores lattice points.
type Coding uint8

// The codings.
const (
	Fixed Coding = 1 // the same size for every vector, each readable alone
	Pages Coding = 2 // entropy coded
)

func (c Coding) String() string {
	switch c {
	case Fixed:
		return "fixed"
	case Pages:
		return "pages"
	}
	return fmt.Sprintf("coding(%d)", uint8(c))
}

// ParseCoding reads "fixed" or "pages".
func ParseCoding(s string) (Coding, error) {
	switch s {
	case "fixed":
		return Fixed, nil
	case "pages":
		return Pages, nil
	}
	return 0, fmt.Errorf("%w: coding %q is neither fixed nor pages", fault.ErrInvalid, s)
}

// Header is what a frame says of itself.
type Header struct {
	Params lattice.Params
	Coding Coding
	DType  DType // of what was packed
	Heads  int   // kv_heads
	Tokens int
}

// Vectors is how many vectors the frame holds.
func (h Header) Vectors() int { return h.Heads * h.Tokens }

const (
	magic      = "KVE8"
	version    = 2
	headerSize = 28
	compatBit  = 0x80

	// MaxHeads bounds kv_heads, of all layers that are packed together.
	MaxHeads = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal fills in the header of a frame whose payload is in place.
func (h Header) seal(frame []byte) error {
	payload := frame[headerSize:]
	if uint64(len(payload)) > math.MaxUint32 || uint64(h.Tokens) > math.MaxUint32 {
		return fmt.Errorf("%w: a frame holds less than 4 GiB", fault.ErrInvalid)
	}
	copy(frame, magic)
	frame[4] = version
	frame[5] = byte(h.Params.Variant)
	frame[6] = byte(h.Params.Q)
	frame[7] = byte(h.Coding)
	if h.Params.Compat {
		frame[7] |= compatBit
	}
	frame[8] = byte(h.DType)
	frame[9] = 0
	binary.LittleEndian.PutUint16(frame[10:], uint16(h.Params.Dim))
	binary.LittleEndian.PutUint32(frame[12:], uint32(h.Heads))
	binary.LittleEndian.PutUint32(frame[16:], uint32(h.Tokens))
	binary.LittleEndian.PutUint32(frame[20:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(frame[24:], checksum(frame))
	return nil
}

func checksum(frame []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame[:24], castagnoli), castagnoli, frame[headerSize:])
}

// Parse checks a whole frame, the checksum too, and answers with its header and payload.
func Parse(frame []byte) (Header, []byte, error) {
	corrupt := func(why string) (Header, []byte, error) {
		return Header{}, nil, fmt.Errorf("%w: frame: %s", fault.ErrCorrupt, why)
	}
	if len(frame) < headerSize || string(frame[:4]) != magic {
		return corrupt("not an e8codec frame")
	}
	if frame[4] != version {
		return corrupt(fmt.Sprintf("version %d", frame[4]))
	}
	if n := binary.LittleEndian.Uint32(frame[20:]); uint64(n) != uint64(len(frame)-headerSize) {
		return corrupt(fmt.Sprintf("payload of %d bytes, header says %d", len(frame)-headerSize, n))
	}
	if binary.LittleEndian.Uint32(frame[24:]) != checksum(frame) {
		return corrupt("checksum")
	}
	h := Header{
		Params: lattice.Params{
			Variant: lattice.Variant(frame[5]),
			Q:       int(frame[6]),
			Dim:     int(binary.LittleEndian.Uint16(frame[10:])),
			Compat:  frame[7]&compatBit != 0,
		},
		Coding: Coding(frame[7] &^ compatBit),
		DType:  DType(frame[8]),
		Heads:  int(binary.LittleEndian.Uint32(frame[12:])),
		Tokens: int(binary.LittleEndian.Uint32(frame[16:])),
	}
	if err := h.Params.Validate(); err != nil {
		return corrupt(err.Error())
	}
	if h.Coding != Fixed && h.Coding != Pages {
		return corrupt(h.Coding.String())
	}
	if h.DType.Size() == 0 || frame[9] != 0 {
		return corrupt("element type")
	}
	if h.Heads < 1 || h.Heads > MaxHeads {
		return corrupt(fmt.Sprintf("%d heads", h.Heads))
	}
	return h, frame[headerSize:], nil
}
