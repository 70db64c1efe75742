package link

import (
	"encoding/binary"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// hello is the first thing that a dialling side sends, with the file descriptors of the memory
// and, for BellSocket, of one socket a lane:
//
//	0   4  magic "KLNK"
//	4   1  version
//	5   1  bell
//	6   2  lanes
//	8   8  bytes of the arena
//	16  32 secret
//
// The answer is the version and a verdict, one byte each. Integers are little-endian.
type hello struct {
	bell   Bell
	lanes  int
	memory int64
	secret [SecretSize]byte
}

const (
	helloMagic  = "KLNK"
	helloSize   = 16 + SecretSize
	verdictSize = 2
)

// The verdicts.
const (
	accepted       = 0
	refusedSecret  = 1
	refusedVersion = 2
	refusedHello   = 3
	refusedMemory  = 4
)

func (h hello) append(b []byte) []byte {
	b = append(b, helloMagic...)
	b = append(b, Version, byte(h.bell))
	b = binary.LittleEndian.AppendUint16(b, uint16(h.lanes))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.memory))
	return append(b, h.secret[:]...)
}

// parseHello reads what a stranger may have sent, and the verdict on it.
func parseHello(b []byte) (hello, byte) {
	if len(b) != helloSize || string(b[:4]) != helloMagic {
		return hello{}, refusedHello
	}
	if b[4] != Version {
		return hello{}, refusedVersion
	}
	h := hello{
		bell:  Bell(b[5]),
		lanes: int(binary.LittleEndian.Uint16(b[6:])),
	}
	memory := binary.LittleEndian.Uint64(b[8:])
	if h.lanes < 1 || h.lanes > MaxLanes || memory < 1 || memory > MaxMemory || !h.bell.known() {
		return hello{}, refusedHello
	}
	h.memory = int64(memory)
	copy(h.secret[:], b[16:])
	return h, accepted
}

// files is how many descriptors come with the hello.
func (h hello) files() int {
	if h.bell == BellSocket {
		return 1 + h.lanes
	}
	return 1
}

// size is that of the whole mapping.
func (h hello) size() int64 { return int64(h.lanes)*laneSize + h.memory }

// verdictError is what the dialling side makes of an answer.
func verdictError(version, verdict byte) error {
	switch verdict {
	case accepted:
		return nil
	case refusedSecret:
		return fmt.Errorf("%w: the ticket is unknown, used or too old", base.ErrInvalid)
	case refusedVersion:
		return fmt.Errorf("%w: the peer's link has version %d, not %d", base.ErrUnsupported, version, Version)
	case refusedMemory:
		return fmt.Errorf("%w: the peer cannot use the shared memory", base.ErrUnsupported)
	}
	return fmt.Errorf("%w: the peer did not understand the hello", base.ErrUnsupported)
}
