package kv

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// A page on its way to the host, integers little-endian:
//
//	at  bytes
//	 0  4   KVPG
//	 4  1   version, 1
//	 5  1   1: there is a frame; 0: the rows are all exact
//	 6  2   zero
//	 8  8   first bytes of the SHA-256 of the page format
//	16  32  SHA-256 of all tokens to the end of the page, int32 each
//	48  4   position of the first token
//	52  4   bytes of the exact rows
//	56  4   bytes of the frame
//	60  4   CRC-32C of bytes 0..59 and all from 64 on
//	64      exact rows, then the frame
const (
	pageMagic   = "KVPG"
	pageVersion = 1
	pageHead    = 64
	atFramed    = 5
	atFormat    = 8
	atTokens    = 16
	atPos       = 48
	atExact     = 52
	atFrame     = 56
	atSum       = 60
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sealed is a page's two parts.
type sealed struct {
	exact, frame []byte
	framed       bool
}

func headOf(format string, tokens []backend.Token, s sealed) []byte {
	b := make([]byte, pageHead, pageHead+len(s.exact)+len(s.frame))
	copy(b, pageMagic)
	b[len(pageMagic)] = pageVersion
	if s.framed {
		b[atFramed] = 1
	}
	name := sha256.Sum256([]byte(format))
	copy(b[atFormat:atTokens], name[:])
	text := tokenSum(tokens)
	copy(b[atTokens:atPos], text[:])
	binary.LittleEndian.PutUint32(b[atPos:], uint32(len(tokens)-backend.PageTokens))
	binary.LittleEndian.PutUint32(b[atExact:], uint32(len(s.exact)))
	binary.LittleEndian.PutUint32(b[atFrame:], uint32(len(s.frame)))
	return b
}

func tokenSum(tokens []backend.Token) [sha256.Size]byte {
	b := make([]byte, 0, 4*len(tokens))
	for _, t := range tokens {
		b = binary.LittleEndian.AppendUint32(b, uint32(t))
	}
	return sha256.Sum256(b)
}

// seal makes a page of its parts.
func seal(format string, tokens []backend.Token, s sealed) []byte {
	b := append(append(headOf(format, tokens, s), s.exact...), s.frame...)
	binary.LittleEndian.PutUint32(b[atSum:], pageSum(b))
	return b
}

func pageSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:atSum], castagnoli), castagnoli, b[pageHead:])
}

// unseal takes a page apart. base.ErrCorrupt: it is damaged, or not of this format and these tokens;
// base.ErrUnsupported: of a later version.
func unseal(format string, tokens []backend.Token, b []byte) (sealed, error) {
	switch {
	case len(b) < pageHead || string(b[:len(pageMagic)]) != pageMagic:
		return sealed{}, corrupt("it is no page")
	case pageSum(b) != binary.LittleEndian.Uint32(b[atSum:]):
		return sealed{}, corrupt("the checksum does not match")
	case b[len(pageMagic)] != pageVersion:
		return sealed{}, fmt.Errorf("page: %w: version %d", base.ErrUnsupported, b[len(pageMagic)])
	}
	exact, frame := uint64(binary.LittleEndian.Uint32(b[atExact:])), uint64(binary.LittleEndian.Uint32(b[atFrame:]))
	if uint64(len(b)) != pageHead+exact+frame || b[atFramed] > 1 {
		return sealed{}, corrupt("its lengths are wrong")
	}
	s := sealed{exact: b[pageHead : pageHead+exact], frame: b[pageHead+exact:], framed: b[atFramed] == 1}
	if want := headOf(format, tokens, s); string(want[:atSum]) != string(b[:atSum]) {
		return sealed{}, corrupt("it is of another format or of other tokens")
	}
	return s, nil
}

func corrupt(what string) error { return fmt.Errorf("page: %w: %s", base.ErrCorrupt, what) }
