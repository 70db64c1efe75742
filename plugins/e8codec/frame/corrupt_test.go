package frame

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

func TestDamageIsCorrupt(t *testing.T) {
	for _, o := range someOptions {
		c := mustNew(t, o)
		x := normals(1, 1*o.Heads*o.Params.Dim)
		packed, err := c.Encode(nil, OfF32(x))
		if err != nil {
			t.Fatal(err)
		}
		out := OfF32(make([]float32, len(x)))
		check := func(what string, frame []byte) {
			t.Helper()
			if err := c.Decode(out, frame); !errors.Is(err, base.ErrCorrupt) {
				t.Fatalf("%s %s: %v", optionsName(o), what, err)
			}
		}
		for bit := range 8 * len(packed) {
			bad := slices.Clone(packed)
			bad[bit/8] ^= 1 << (bit % 8)
			check("one bit", bad)
		}
		for n := range packed {
			check("cut", packed[:n])
		}
		check("longer", append(slices.Clone(packed), 0))
		check("two", append(slices.Clone(packed), packed...))
	}
}

func TestForeignFramesAreCorrupt(t *testing.T) {
	p := lattice.Params{Variant: lattice.E8, Q: 10, Dim: 64}
	mine := mustNew(t, Options{Params: p, Heads: 2, Coding: Pages})
	out := OfF32(make([]float32, 4*64))
	for _, change := range []func(*Options){
		func(o *Options) { o.Params.Variant = lattice.D4 }, func(o *Options) { o.Params.Q = 11 },
		func(o *Options) { o.Params.Dim = 128 }, func(o *Options) { o.Params.Compat = true },
		func(o *Options) { o.Heads = 4 },
	} {
		o := mine.Options()
		change(&o)
		theirs := mustNew(t, o)
		packed, err := theirs.Encode(nil, OfF32(make([]float32, 4*o.Params.Dim)))
		if err != nil {
			t.Fatal(err)
		}
		if err := mine.Decode(out, packed); !errors.Is(err, base.ErrCorrupt) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// FuzzDecode gives any header and payload a right checksum, so that everything behind it is
// reached.
func FuzzDecode(f *testing.F) {
	for _, o := range someOptions {
		c := mustNew(f, o)
		packed, err := c.Encode(nil, OfF32(normals(1, 2*o.Heads*o.Params.Dim)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) < headerSize {
			return
		}
		frame = slices.Clone(frame)
		copy(frame, magic)
		frame[4], frame[9] = version, 0
		binary.LittleEndian.PutUint32(frame[20:], uint32(len(frame)-headerSize))
		binary.LittleEndian.PutUint32(frame[24:], checksum(frame))
		h, _, err := Parse(frame)
		if err != nil {
			if !errors.Is(err, base.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if h.Vectors() > 1000 {
			return // the caller makes the room
		}
		c := mustNew(t, Options{Params: h.Params, Heads: h.Heads, Coding: h.Coding})
		out := make([]float32, h.Vectors()*h.Params.Dim)
		if err := c.Decode(OfF32(out), frame); err != nil && !errors.Is(err, base.ErrCorrupt) {
			t.Fatal(err)
		}
	})
}

// FuzzParse takes anything.
func FuzzParse(f *testing.F) {
	c := mustNew(f, someOptions[0])
	packed, err := c.Encode(nil, OfF32(normals(1, c.Options().Heads*64)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if _, payload, err := Parse(frame); err == nil {
			if len(payload) != len(frame)-headerSize {
				t.Fatalf("payload of %d bytes", len(payload))
			}
		} else if !errors.Is(err, base.ErrCorrupt) {
			t.Fatal(err)
		}
	})
}
