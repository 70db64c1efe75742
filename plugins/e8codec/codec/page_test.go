package codec

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codectest"
)

// TestGoldenHead holds the bytes that docs/codec.md describes.
func TestGoldenHead(t *testing.T) {
	shape := contract.Shape{Layers: 300, KVHeads: 2, HeadDim: 96, Type: contract.BF16}
	s := open(t, shape, contract.Params{"q": "38", "scaling": "head"}).(*stream)
	head := s.appendHead(nil, s.packer.Options().Coding, []contract.Vectors{
		{Layer: 0, Part: contract.Key, Pos: 0, Tokens: 64},
		{Layer: 299, Part: contract.Value, Pos: 1000, Tokens: 200},
	})
	const want = "4b565038" + "02" + "01" + "26" + "02" + "03" + "02" + "6000" + "02000000" + "2c010000" + "02000000" + "00000000" +
		"00" + "00" + "40" + "d704" + "e807" + "c801"
	if got := hex.EncodeToString(head); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestForgedFrames gives frames a right checksum: what is wrong behind it must show.
func TestForgedFrames(t *testing.T) {
	for _, coding := range []string{"fixed", "pages"} {
		s := open(t, small, contract.Params{"coding": coding})
		page := codectest.Page(small, 3, 1)
		packed, err := s.Encode(t.Context(), nil, page...)
		if err != nil {
			t.Fatal(err)
		}
		for what, forge := range map[string]func([]byte) []byte{
			"another q":           func(b []byte) []byte { b[6]++; return b },
			"the other lattice":   func(b []byte) []byte { b[5] = 2; return b },
			"no coding":           func(b []byte) []byte { b[atCoding] = 3; return b },
			"compat":              func(b []byte) []byte { b[atCoding] |= compatBit; return b },
			"another type":        func(b []byte) []byte { b[8] = 2; return b },
			"another scaling":     func(b []byte) []byte { b[9] = 1; return b },
			"more layers":         func(b []byte) []byte { b[16]++; return b },
			"another position":    func(b []byte) []byte { b[headSize+1]++; return b },
			"bytes at the end":    func(b []byte) []byte { return append(b, 0) },
			"bytes missing":       func(b []byte) []byte { return b[:len(b)-1] },
			"no payload":          func(b []byte) []byte { return b[:headSize+4*len(page)] },
			"nothing but a head":  func(b []byte) []byte { return b[:headSize] },
			"a part of a payload": func(b []byte) []byte { return b[:headSize+4*len(page)+2] },
		} {
			bad := forge(bytes.Clone(packed))
			binary.LittleEndian.PutUint32(bad[atSum:], checksum(bad))
			if err := s.Decode(t.Context(), bad, clone(page)...); !errors.Is(err, base.ErrCorrupt) {
				t.Errorf("%s, %s: %v", coding, what, err)
			}
		}
		bad := bytes.Clone(packed)
		bad[atVersion]++
		if err := s.Decode(t.Context(), bad, clone(page)...); !errors.Is(err, base.ErrUnsupported) {
			t.Errorf("another version: %v", err)
		}
	}
}

// FuzzDecode reaches behind the checksum: whatever the bytes are, the answer is vectors or
// ErrCorrupt.
func FuzzDecode(f *testing.F) {
	s := open(f, small, nil)
	page := codectest.Page(small, 2, 1)
	for _, coding := range []string{"fixed", "pages"} {
		packed, err := open(f, small, contract.Params{"coding": coding}).Encode(f.Context(), nil, page...)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
		f.Add(packed[:len(packed)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= headSize {
			copy(b, magic)
			b[atVersion] = version
			binary.LittleEndian.PutUint32(b[atSum:], checksum(b))
		}
		if err := s.Decode(t.Context(), b, clone(page)...); err != nil && !errors.Is(err, base.ErrCorrupt) {
			t.Error(err)
		}
	})
}
