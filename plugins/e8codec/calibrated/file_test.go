package calibrated_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated/calibratedtest"
)

func TestFilesComeBack(t *testing.T) {
	c := calibratedtest.Some(1, 3, 2, 8, 2, 4)
	file, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := calibrated.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, c) {
		t.Error("a calibration comes back as another")
	}
	again, err := got.Marshal()
	if err != nil || !bytes.Equal(again, file) {
		t.Errorf("its file is another: %v", err)
	}
}

func TestFilesAreChecked(t *testing.T) {
	file, err := calibratedtest.Some(2, 2, 1, 8, 1, 2).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for at := range file {
		bad := bytes.Clone(file)
		bad[at] ^= byte(1 << (at % 8))
		want := base.ErrCorrupt
		if at == 4 {
			want = base.ErrUnsupported
		}
		if _, err := calibrated.Parse(bad); !errors.Is(err, want) {
			t.Fatalf("byte %d changed: %v", at, err)
		}
	}
	for n := range file {
		if _, err := calibrated.Parse(file[:n]); !errors.Is(err, base.ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

// TestInverseThatIsNone: a transform that cannot be undone is found when it is first packed with.
func TestInverseThatIsNone(t *testing.T) {
	c := calibratedtest.Some(3, 1, 1, 8, 0, 1)
	clear(c.Layer[0][1].Alone.Back[:8])
	coder := mustCoder(t, mustModel(t, c), 15, calibrated.Random, contract.F32)
	if err := coder.RoundTrip(t.Context(), somePage(coder.Shape(), 1, 0, 1)...); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

// FuzzParse reads files behind a right checksum: they are refused, or write themselves again.
func FuzzParse(f *testing.F) {
	for _, c := range []*calibrated.Calibration{calibratedtest.Some(1, 1, 1, 8, 0, 1), calibratedtest.Some(2, 2, 1, 8, 1, 2)} {
		file, err := c.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) >= calibrated.HeadSize {
			calibrated.SealFile(file)
		}
		c, err := calibrated.Parse(file)
		if err != nil {
			if !errors.Is(err, base.ErrCorrupt) && !errors.Is(err, base.ErrUnsupported) {
				t.Fatalf("%v is neither ErrCorrupt nor ErrUnsupported", err)
			}
			return
		}
		again, err := c.Marshal()
		if err != nil {
			t.Fatalf("it cannot be written: %v", err)
		}
		if _, err := calibrated.Parse(again); err != nil {
			t.Fatalf("it cannot be read again: %v", err)
		}
	})
}

// FuzzDecode reads frames behind a right checksum: they are refused as corrupt, or decode to something finite.
func FuzzDecode(f *testing.F) {
	m := mustModel(f, calibratedtest.Some(4, 2, 1, 16, 1, 3))
	c := mustCoder(f, m, 15, calibrated.Page, contract.F32)
	page := somePage(c.Shape(), 3, 0, 5)
	frame, err := c.Encode(f.Context(), nil, page...)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame)
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) >= calibrated.FrameHead {
			calibrated.SealFrame(frame)
		}
		back := blank(page)
		err := c.Decode(t.Context(), frame, back...)
		if err != nil {
			if !errors.Is(err, base.ErrCorrupt) && !errors.Is(err, base.ErrUnsupported) {
				t.Fatalf("%v is neither ErrCorrupt nor ErrUnsupported", err)
			}
			return
		}
		x := make([]float32, len(back[0].Data)/4)
		for i := range back {
			if c.Shape().Type.Load(x, back[i].Data); !calibrated.Finite(x...) {
				t.Fatalf("vectors %d are not finite", i)
			}
		}
	})
}
