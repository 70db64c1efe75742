// Package codec is the contract of a plugin that packs the KV cache.
//
// # Two uses
//
// Live: every key and value vector passes through RoundTrip before attention reads it. Parked:
// Encode packs a page of the cache (usually 64 tokens, all layers) into a frame that outlives the
// backend, and Decode brings it back.
//
// # Shapes
//
// A [Vectors] is one layer's keys or values, [tokens, kv_heads, head_dim], row-major, in the
// number format that the [Stream] was opened with, little-endian. Data need not be aligned.
//
// # Frames
//
// A frame is bytes that describe themselves: magic, version, parameters, shape and a checksum
// over all of it. A frame that is damaged, cut short or someone else's is ErrCorrupt, never other
// vectors than those that were encoded. A stream reads the frames of every stream whose
// Description has the same Format and whose Shape is the same, in another process or years later.
//
// # Where it runs
//
// The same interfaces stand for a codec in this process, for one behind gRPC (see [NewClient]; the
// host's), and for one behind a link (see [Dial]; a backend's): doorbells and headers go through a
// private socket and tensors lie in shared memory. Callers cannot tell which they hold, but for
// the time that a call takes.
//
// # Errors
//
// Methods return the sentinels of core/plugin/base and of this package, wrapped with what was
// being done and to which thing. They survive both wires: errors.Is and errors.As work on what the
// proxies return.
//
// # Cancellation
//
// Cancelling the context of a call ends it with the context's error as soon as the codec lets go
// of the vectors, at the latest after what it is at with one [Vectors].
package codec

import (
	"context"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// CapAffine is the capability of a codec some of whose streams have an affine form.
const CapAffine base.Capability = "affine"

// CapModel is the capability of a codec that packs every model in a way of its own. The host gives it ParamModel.
const CapModel base.Capability = "model"

// ParamModel is the parameter that says whose vectors they are: the absolute path of the model's file. Only codecs with
// CapModel get it.
const ParamModel = "model"

// Codec packs key and value vectors. It is safe for concurrent use.
type Codec interface {
	base.Plugin

	// Open makes a stream for vectors of a shape. An unknown key of params is ErrInvalid, as a
	// codec that was asked for something must not do another thing.
	//
	// Errors: ErrInvalid naming the parameter or the field of the shape; ErrUnsupported for a
	// head_dim or a number format that this codec cannot pack.
	Open(ctx context.Context, shape Shape, params Params) (Stream, error)
}

// Stream packs vectors of one shape with one set of parameters. It is safe for concurrent use and
// has no memory: equal input gives equal bytes, whatever was packed before or is being packed
// beside it. The vectors of a call must not overlap in memory. They belong to the call until it
// returns, and what an error leaves in Data is not to be used.
type Stream interface {
	// Describe says what the stream does. The answer never changes and is not to be written to.
	Describe() Description

	// RoundTrip replaces each vector by what Decode(Encode(v...)) would give, to the bit.
	//
	// Errors: ErrInvalid (a header or a length that does not fit the shape), *NonFiniteError,
	// ErrClosed, the context's error.
	RoundTrip(ctx context.Context, v ...Vectors) error

	// Encode appends one frame that holds all of the vectors to dst and returns it. It does not
	// change Data. A frame of more than twice the bytes of Data and 16 KiB is not believed: it is
	// base.ErrLied.
	//
	// Errors: as RoundTrip.
	Encode(ctx context.Context, dst []byte, v ...Vectors) ([]byte, error)

	// Decode fills Data of vectors whose headers are those that were encoded, in their order.
	//
	// Errors: ErrCorrupt (damaged, not a frame of this Format and Shape, or of vectors with other
	// headers), ErrUnsupported (a frame of a version that this codec does not read), ErrInvalid
	// (as RoundTrip), ErrClosed, the context's error.
	Decode(ctx context.Context, frame []byte, v ...Vectors) error

	// Close frees the stream when the calls under way have ended. Later calls are ErrClosed;
	// closing again does nothing.
	Close() error
}

// Integers is implemented by streams that may have an affine form, see [Affine]. Proxies implement
// it for all streams.
type Integers interface {
	// DecodeIntegers fills Z and Scale of coordinates whose headers are those that were encoded.
	// Errors: as Stream.Decode; ErrUnsupported when Describe tells of no affine form.
	DecodeIntegers(ctx context.Context, frame []byte, c ...Coordinates) error
}

// DType is a number format. The values are those on the wire.
type DType uint8

// The number formats.
const (
	F32  DType = 1
	F16  DType = 2
	BF16 DType = 3
)

// Part says whether vectors are keys or values. The values are those on the wire.
type Part uint8

// The parts of a cache.
const (
	Key   Part = 1
	Value Part = 2
)

// Shape is what all vectors of a stream have in common.
type Shape struct {
	Layers  int // of the model; a vector's layer is below it
	KVHeads int
	HeadDim int
	Type    DType
}

// Params are a codec's settings as the channel gives them, such as q and coding. A channel's id has
// a range for every codec, so the host always gives q, a whole number from 1; a codec without a
// range takes any.
type Params map[string]string

// Vectors is one layer's keys or values for consecutive tokens. All but Data is the header.
type Vectors struct {
	Layer  int
	Part   Part
	Pos    int // of the first token in its sequence
	Tokens int
	Data   []byte // [tokens, kv_heads, head_dim], little-endian
}

// Coordinates is what the affine form has instead of the vectors' Data. All but Z and Scale is the
// header.
type Coordinates struct {
	Layer  int
	Part   Part
	Pos    int
	Tokens int
	Z      []int16   // [tokens, kv_heads, head_dim]
	Scale  []float32 // [tokens, kv_heads]
}

// Description is what is known of a stream.
type Description struct {
	// Format names what the frames are: the codec, the version of its bytes and every parameter
	// that decoding depends on. Packed pages are stored under it.
	Format string

	// Params are all parameters as resolved. Opening with them gives a stream of the same Format.
	Params Params

	// Bits is what an element takes, everything counted: the bytes of a frame that holds a page
	// of 64 tokens of all layers, keys and values drawn from N(0,1), over its elements.
	Bits float64

	// ErrorBound is the most that decoding loses of such a page: the sum of the squared errors
	// over the sum of the squares. 0: every vector comes back bit for bit, infinite ones too.
	ErrorBound float64

	// Affine is nil when the decoding is not of that form.
	Affine *Affine
}

// Affine tells that a decoded vector is scale/Denominator · (z·R) with integer coordinates z, so
// that a backend can attend over z without knowing the codec: it rotates a query once by R and the
// weighted sum of values once by its transpose.
type Affine struct {
	R           []float32 // [head_dim, head_dim], orthonormal; nil: the identity
	Denominator int       // at least 1
	Min, Max    int       // of the coordinates
	Points      *Points   // how z and scale come of a vector; nil: Encode alone knows
}

// Points tells how a vector x becomes z and scale, so that a backend can do it where its vectors are: of y = x·Rᵀ the scale is
// the largest magnitude, rounded up, over Range; and z/Denominator is the point nearest to y/scale among those of the
// lattice whose coordinates lie in [-Range, Range]. What a backend makes so may differ from what Encode makes where two
// points are equally near up to rounding.
type Points struct {
	Lattice   string  // LatticeZ, LatticeD4 or LatticeE8
	Range     int     // at least 1
	ScaleBits int     // of mantissa that scale·Range·Gain keeps, 1 to 23; its end is rounded up
	Gain      float64 // above 0
}

// Lattices, in blocks of consecutive coordinates.
const (
	LatticeZ  = "z"  // all integers
	LatticeD4 = "d4" // of four integers those with an even sum
	LatticeE8 = "e8" // of eight those, and the same shifted by a half in all coordinates
)
