package codec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"reflect"
	"testing"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

func someMessages() []message {
	v := func(layer int, at uint64) placed {
		return placed{
			header: Vectors{Layer: layer, Part: Value, Pos: 7, Tokens: 2},
			data:   link.Place{At: at, Length: 2 * 8 * 4},
		}
	}
	m := []message{
		{op: opRoundTrip, stream: 1, vectors: []placed{v(0, 0), v(1, 64)}},
		{op: opEncode, stream: 1, frame: link.Place{At: 256, Length: 512}, vectors: []placed{v(1, 128)}},
		{op: opDecode, stream: 1 << 40, frame: link.Place{At: 3, Length: 5}},
		{op: opDecodeIntegers, stream: 1, vectors: []placed{v(0, 0)}},
	}
	m[3].vectors[0].scale = link.Place{At: 4, Length: 16}
	return m
}

func TestMessage(t *testing.T) {
	for _, want := range someMessages() {
		b := want.append([]byte("x"))[1:]
		got := message{vectors: make([]placed, 9)}
		if err := got.parse(b); err != nil {
			t.Fatal(err)
		}
		if len(want.vectors) == 0 {
			want.vectors = got.vectors[:0]
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		for i := range b {
			if err := got.parse(b[:i]); !errors.Is(err, base.ErrCorrupt) {
				t.Errorf("%d bytes of %d: %v", i, len(b), err)
			}
		}
	}
}

// FuzzMessage: what can be read says the same when it is written.
func FuzzMessage(f *testing.F) {
	for _, m := range someMessages() {
		f.Add(m.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m message
		if err := m.parse(b); err != nil {
			if !errors.Is(err, base.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if again := m.append(nil); !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

// checker is a codec that only looks at every byte that it is given, and fills it.
type checker struct {
	*base.Self
	shape Shape
}

func (c *checker) Open(context.Context, Shape, Params) (Stream, error) { return c, nil }

func (c *checker) Describe() Description {
	return Description{Format: "checker", Bits: 1, Affine: &Affine{Denominator: 1}}
}

func (c *checker) RoundTrip(_ context.Context, v ...Vectors) error {
	for i := range v {
		clear(v[i].Data)
	}
	return c.shape.Check(v...)
}

func (c *checker) Encode(_ context.Context, dst []byte, v ...Vectors) ([]byte, error) {
	for i := range v {
		dst = append(dst, v[i].Data...)
	}
	return dst, c.shape.Check(v...)
}

func (c *checker) Decode(_ context.Context, frame []byte, v ...Vectors) error {
	for i := range v {
		copy(v[i].Data, frame)
	}
	return c.shape.Check(v...)
}

func (c *checker) DecodeIntegers(_ context.Context, frame []byte, v ...Coordinates) error {
	for i := range v {
		for j := range v[i].Z {
			v[i].Z[j] = int16(len(frame))
		}
		clear(v[i].Scale)
	}
	return c.shape.CheckCoordinates(v...)
}

func (c *checker) Close() error { return nil }

// FuzzLinkService takes any message from a peer: nothing outside of the arena is touched, a codec
// sees only vectors of its shape, and the answer can be read.
func FuzzLinkService(f *testing.F) {
	s := Shape{Layers: 2, KVHeads: 2, HeadDim: 4, Type: F32}
	impl := &checker{shape: s}
	service := &linkService{service: &service{impl: impl, guard: base.Guard{Errors: errorMap, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}}}
	service.keep(&served{Stream: impl, shape: s})
	for _, m := range someMessages() {
		f.Add(m.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := bytes.Repeat([]byte{0x5a}, 64+1024+64)
		answer, err := link.ReadAnswer(service.Call(t.Context(), whole[64:1088:1088], b, nil))
		if errors.Is(err, link.ErrAnswer) {
			t.Fatal(err)
		}
		if err != nil && bytes.Contains([]byte(err.Error()), []byte("panic")) {
			t.Fatal(err)
		}
		for i := range 64 {
			if whole[i] != 0x5a || whole[1088+i] != 0x5a {
				t.Fatal("memory outside of the arena was written to")
			}
		}
		_ = answer
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(link.AppendError(nil, errorMap.Encode(&NonFiniteError{Vectors: 1})))
	f.Fuzz(func(t *testing.T, b []byte) {
		rest, err := link.ReadAnswer(b)
		if err == nil && (len(rest) != len(b)-1 || b[0] != link.AnswerOK) {
			t.Fatalf("%x reads as %x", b, rest)
		}
		_ = errorMap.Decode(t.Context(), err)
	})
}

func TestAppendError(t *testing.T) {
	want := &NonFiniteError{Vectors: 3, Token: 4, Head: 5}
	_, err := link.ReadAnswer(link.AppendError(nil, errorMap.Encode(want)))
	err = errorMap.Decode(t.Context(), err)
	var got *NonFiniteError
	if !errors.As(err, &got) || *got != *want || !errors.Is(err, ErrNonFinite) || !errors.Is(err, base.ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

// TestHalf compares with the definition of the formats.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		x := fromHalf(uint16(h))
		exponent, fraction := h>>10&31, float64(h&1023)
		want := math.Ldexp(1+fraction/1024, exponent-15)
		switch {
		case exponent == 0:
			want = math.Ldexp(fraction, -24)
		case exponent == 31 && fraction == 0:
			want = math.Inf(1)
		case exponent == 31:
			want = math.NaN()
		}
		if h>>15 == 1 {
			want = -want
		}
		if float64(x) != want && !(math.IsNaN(want) && x != x) {
			t.Fatalf("%#x is %v, want %v", h, x, want)
		}
		if back := toHalf(x); back != uint16(h) && x == x {
			t.Fatalf("%#x became %#x", h, back)
		}
	}
}

// TestStore wants the nearest value of a format, the even one of two, and the largest beyond it.
func TestStore(t *testing.T) {
	for _, c := range []struct {
		format  DType
		x, want float32
	}{
		{F16, 1 + 1.0/2048, 1}, {F16, 1 + 3.0/2048, 1 + 2.0/1024}, {F16, 1 + 1.01/2048, 1 + 1.0/1024},
		{F16, 65519, 65504}, {F16, 65521, 65504}, {F16, -1e30, -65504}, {F16, 0x1p-25, 0}, {F16, 0x1.1p-25, 0x1p-24},
		{F16, 0x1.ff8p-15, 0x1.ff8p-15}, {F16, 0x1.ffcp-15, 0x1p-14}, {F16, 0x1.ff4p-15, 0x1.ffp-15}, {F16, float32(math.Inf(1)), float32(math.Inf(1))},
		{BF16, 1 + 1.0/256, 1}, {BF16, 1 + 3.0/256, 1 + 2.0/128}, {BF16, math.MaxFloat32, 0x1.fep127}, {BF16, -math.MaxFloat32, -0x1.fep127},
		{BF16, float32(math.Inf(-1)), float32(math.Inf(-1))}, {F32, math.MaxFloat32, math.MaxFloat32},
	} {
		b, got := make([]byte, c.format.Size()), make([]float32, 1)
		c.format.Store(b, []float32{c.x})
		c.format.Load(got, b)
		if got[0] != c.want {
			t.Errorf("%v: %v became %v, want %v", c.format, c.x, got[0], c.want)
		}
		c.format.Store(b, []float32{float32(math.NaN())})
		if c.format.Load(got, b); got[0] == got[0] {
			t.Errorf("%v: NaN became %v", c.format, got[0])
		}
	}
}

func TestNames(t *testing.T) {
	for _, d := range []DType{F32, F16, BF16} {
		if got, err := ParseDType(d.String()); err != nil || got != d {
			t.Errorf("%v: %v, %v", d, got, err)
		}
	}
	if _, err := ParseDType("f8"); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if got := DType(9).String() + Part(9).String() + Key.String() + Value.String(); got != "dtype(9)part(9)keyvalue" {
		t.Error(got)
	}
}

// TestShapeOverflow wants no product of a shape to be taken for a small one.
func TestShapeOverflow(t *testing.T) {
	s := Shape{Layers: MaxLayers, KVHeads: MaxKVHeads, HeadDim: MaxHeadDim, Type: F32}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(Vectors{Part: Key, Tokens: MaxTokens}); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if err := s.Check(make([]Vectors, MaxVectors+1)...); !errors.Is(err, base.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if n := messageHead + MaxVectors*coordinateSize; n > link.MaxMessage {
		t.Errorf("the longest message has %d bytes, a lane has room for %d", n, link.MaxMessage)
	}
}

func TestDescription(t *testing.T) {
	s := Shape{Layers: 1, KVHeads: 1, HeadDim: 2, Type: F32}
	good := Description{Format: "x", Params: Params{"a": "b"}, Bits: 4, ErrorBound: 0.1, Affine: &Affine{R: []float32{1, 0, 0, 1}, Denominator: 2, Min: -3, Max: 4,
		Points: &Points{Lattice: LatticeE8, Range: 2, ScaleBits: 7, Gain: 1}}}
	if err := good.check(s); err != nil {
		t.Fatal(err)
	}
	if got := descriptionFromWire(descriptionToWire(good)); !reflect.DeepEqual(got, good) {
		t.Errorf("got %+v", got)
	}
	for what, change := range map[string]func(*Description){
		"format":      func(d *Description) { d.Format = "" },
		"bits":        func(d *Description) { d.Bits = math.NaN() },
		"error":       func(d *Description) { d.ErrorBound = math.Inf(1) },
		"rotation":    func(d *Description) { d.Affine = &Affine{R: make([]float32, 3), Denominator: 1} },
		"denominator": func(d *Description) { d.Affine = &Affine{} },
		"range":       func(d *Description) { d.Affine = &Affine{Denominator: 1, Min: 1} },
		"points":      func(d *Description) { d.Affine = &Affine{Denominator: 1, Points: &Points{ScaleBits: 7, Gain: 1}} },
		"scale bits": func(d *Description) {
			d.Affine = &Affine{Denominator: 1, Points: &Points{Range: 1, ScaleBits: 24, Gain: 1}}
		},
		"gain": func(d *Description) {
			d.Affine = &Affine{Denominator: 1, Points: &Points{Range: 1, ScaleBits: 7, Gain: math.NaN()}}
		},
		"range16": func(d *Description) { d.Affine = &Affine{Denominator: 1, Max: 1 << 15} },
	} {
		bad := good
		change(&bad)
		if err := bad.check(s); !errors.Is(err, base.ErrLied) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
