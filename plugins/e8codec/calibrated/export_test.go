package calibrated

import (
	"encoding/binary"

	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
)

// What the tests see of the package's inside.
const (
	HeadSize  = headSize
	FrameHead = frameHead
)

var Finite = finite

func (c *Coder) Model() *Model { return c.model }

func (c *Coder) Shape() contract.Shape { return c.shape }

// SealFile makes a file's length and checksum right.
func SealFile(file []byte) {
	binary.LittleEndian.PutUint32(file[atSize:], uint32(len(file)-headSize))
	binary.LittleEndian.PutUint32(file[atSum:], checksum(file))
}

// SealFrame makes a frame's checksum right.
func SealFrame(frame []byte) { binary.LittleEndian.PutUint32(frame[atFrameSum:], frameSum(frame)) }
