package calibrated

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
)

const (
	frameMagic   = "KVK8"
	frameVersion = 2
	frameHead    = 40
	atFiner      = 14
	atHash       = 16
	hashBytes    = 16
	atFrameSum   = 36
)

// Format names what frames are: all that decoding depends on.
func (c *Coder) Format() string {
	return fmt.Sprintf("e8k/%d %v q%d %v", frameVersion, c.model.hash, c.pitch.q, c.how)
}

// seal appends the frame that streams make to dst.
func (c *Coder) seal(dst []byte, v []contract.Vectors, chains []*chain, streams [][]byte) []byte {
	at := len(dst)
	dst = c.appendHead(dst, v)
	finer := uint16(0)
	for i, s := range chains {
		if s.finer {
			finer |= 1 << i
		}
	}
	binary.LittleEndian.PutUint16(dst[at+atFiner:], finer)
	for _, s := range streams {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)))
		dst = append(dst, s...)
	}
	binary.LittleEndian.PutUint32(dst[at+atFrameSum:], frameSum(dst[at:]))
	return dst
}

// unseal checks that a frame is of this coder and of v, finds its streams and says which chains have finer steps.
func (c *Coder) unseal(frame []byte, v []contract.Vectors, chains []*chain) (streams [][]byte, err error) {
	corrupt := func(what string) ([][]byte, error) { return nil, fmt.Errorf("frame: %w: %s", base.ErrCorrupt, what) }
	if len(frame) < frameHead || string(frame[:4]) != frameMagic {
		return corrupt("it is not one of this codec")
	}
	if frame[4] != frameVersion {
		return nil, fmt.Errorf("frame: %w: version %d", base.ErrUnsupported, frame[4])
	}
	if binary.LittleEndian.Uint32(frame[atFrameSum:]) != frameSum(frame) {
		return corrupt("the checksum does not match")
	}
	if h := frame[atHash : atHash+hashBytes]; !bytes.Equal(h, c.model.hash[:hashBytes]) {
		return nil, fmt.Errorf("frame: %w: it needs the calibration %x, this one is %v", base.ErrUnsupported, h[:8], c.model.hash)
	}
	head := c.appendHead(nil, v)
	finer := binary.LittleEndian.Uint16(frame[atFiner:])
	binary.LittleEndian.PutUint16(head[atFiner:], finer)
	if !bytes.Equal(frame[:atFrameSum], head[:atFrameSum]) {
		return corrupt("it is of another format or shape, or of fewer or more vectors")
	}
	rest, ok := bytes.CutPrefix(frame[frameHead:], head[frameHead:])
	if !ok {
		return corrupt("it is of other vectors")
	}
	for i, s := range chains {
		if i >= guardChains || finer>>i&1 == 0 {
			continue
		}
		if !c.guarded(s, i) {
			return corrupt("what cannot have finer steps has them")
		}
		s.refine()
	}
	if len(chains) < guardChains && finer>>len(chains) != 0 {
		return corrupt("it has finer steps for what is not in it")
	}
	for len(rest) > 0 {
		if len(rest) < 4 || uint64(binary.LittleEndian.Uint32(rest)) > uint64(len(rest)-4) {
			return corrupt("a stream is cut off")
		}
		n := int(binary.LittleEndian.Uint32(rest))
		streams, rest = append(streams, rest[4:4+n]), rest[4+n:]
	}
	return streams, nil
}

// appendHead writes what stands before the streams, with a checksum of zero.
func (c *Coder) appendHead(b []byte, v []contract.Vectors) []byte {
	s := c.shape
	b = append(b, frameMagic...)
	b = append(b, frameVersion, byte(c.how), byte(c.pitch.q), byte(s.Type))
	for _, n := range []int{s.HeadDim, s.KVHeads, s.Layers, 0} {
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
	}
	b = append(b, c.model.hash[:hashBytes]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
	b = binary.LittleEndian.AppendUint32(b, 0)
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

func frameSum(frame []byte) uint32 {
	return crc32.Update(crc32.Checksum(frame[:atFrameSum], castagnoli), castagnoli, frame[frameHead:])
}
