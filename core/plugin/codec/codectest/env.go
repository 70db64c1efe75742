package codectest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// Env is what the checks work with. Only Codec must be given.
type Env struct {
	Codec    codec.Codec
	Params   codec.Params  // that streams are opened with
	HeadDims []int         // that the codec must know; nil: 64, 128 and 256
	Types    []codec.DType // and number formats; nil: all
	Patience time.Duration // most time of one check; 0: a minute

	// Slack is by how much frames may be longer than Bits tells and vectors worse than ErrorBound,
	// in proportion: the vectors are drawn, and few. 0: 0.02.
	Slack float64

	// Absolute is for codecs whose steps do not follow the size of a vector: numbers far smaller than those of
	// N(0,1) need not stay small, but lose no more than those do.
	Absolute bool
}

func (e *Env) patience() time.Duration {
	if e.Patience > 0 {
		return e.Patience
	}
	return time.Minute
}

func (e *Env) slack() float64 {
	if e.Slack > 0 {
		return e.Slack
	}
	return 0.02
}

func (e *Env) headDims() []int {
	if e.HeadDims != nil {
		return e.HeadDims
	}
	return []int{64, 128, 256}
}

func (e *Env) types() []codec.DType {
	if e.Types != nil {
		return e.Types
	}
	return []codec.DType{codec.F32, codec.F16, codec.BF16}
}

// shape is the one that most checks use.
func (e *Env) shape() codec.Shape {
	return codec.Shape{Layers: 4, KVHeads: 3, HeadDim: e.headDims()[0], Type: e.types()[0]}
}

// pageShapes are those of pages, for every head_dim and number format.
func (e *Env) pageShapes() (all []codec.Shape) {
	for _, dim := range e.headDims() {
		for _, format := range e.types() {
			all = append(all, codec.Shape{Layers: 4, KVHeads: 2, HeadDim: dim, Type: format})
		}
	}
	return all
}

// Try tells whether the codec can be opened as the checks do it: its error is the codec's.
func (e *Env) Try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.patience())
	defer cancel()
	return e.open(ctx, e.shape(), func(codec.Stream) error { return nil })
}

// open opens a stream for use and closes it after.
func (e *Env) open(ctx context.Context, shape codec.Shape, use func(s codec.Stream) error) (err error) {
	s, err := e.Codec.Open(ctx, shape, e.Params)
	if err != nil {
		return fmt.Errorf("open %+v: %w", shape, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return use(s)
}

// PageTokens is the tokens of a page.
const PageTokens = 64

// Page draws the keys and values of so many tokens of all layers from N(0,1). Equal seeds draw
// equal pages.
func Page(shape codec.Shape, tokens int, seed uint64) []codec.Vectors {
	source := rand.New(rand.NewPCG(seed, 0x6b616b657961))
	var v []codec.Vectors
	for layer := range shape.Layers {
		for _, part := range []codec.Part{codec.Key, codec.Value} {
			x := make([]float32, tokens*shape.TokenElements())
			for i := range x {
				x[i] = float32(source.NormFloat64())
			}
			v = append(v, Vectors(shape, layer, part, 128, x))
		}
	}
	return v
}

// Vectors makes vectors of numbers.
func Vectors(shape codec.Shape, layer int, part codec.Part, pos int, x []float32) codec.Vectors {
	data := make([]byte, len(x)*shape.Type.Size())
	shape.Type.Store(data, x)
	return codec.Vectors{Layer: layer, Part: part, Pos: pos, Tokens: len(x) / shape.TokenElements(), Data: data}
}

// blank are the vectors' headers, with data of their own that is not theirs.
func blank(v []codec.Vectors) []codec.Vectors {
	out := make([]codec.Vectors, len(v))
	for i := range v {
		out[i] = v[i]
		out[i].Data = make([]byte, len(v[i].Data))
		for j := range out[i].Data {
			out[i].Data[j] = 0xa5
		}
	}
	return out
}

// copyOf are the vectors, with data of their own.
func copyOf(v []codec.Vectors) []codec.Vectors {
	out := blank(v)
	for i := range v {
		copy(out[i].Data, v[i].Data)
	}
	return out
}

// numbers are the vectors' elements.
func numbers(shape codec.Shape, v codec.Vectors) []float32 {
	x := make([]float32, v.Tokens*shape.TokenElements())
	shape.Type.Load(x, v.Data)
	return x
}

// loss is the squared error over the squares.
func loss(shape codec.Shape, want, got []codec.Vectors) float64 {
	var squares, errors float64
	for i := range want {
		x, y := numbers(shape, want[i]), numbers(shape, got[i])
		for j := range x {
			d := float64(x[j]) - float64(y[j])
			errors += d * d
			squares += float64(x[j]) * float64(x[j])
		}
	}
	return errors / squares
}
