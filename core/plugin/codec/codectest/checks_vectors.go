package codectest

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

var vectorChecks = []Check{
	{
		Name: "vectors/round-trip",
		Doc:  "RoundTrip gives, bit for bit, what Decode of Encode gives.",
		Run:  checkVectorRoundTrip,
	},
	{
		Name: "vectors/non-finite",
		Doc:  "A vector that is not finite is a NonFiniteError that names it; a codec without loss keeps it.",
		Run:  checkNonFinite,
	},
	{
		Name: "vectors/extremes",
		Doc:  "Vectors of zeros, of tiny and of huge numbers stay finite; zeros stay zeros.",
		Run:  checkExtremes,
	},
	{
		Name: "vectors/sizes",
		Doc:  "Vectors that do not fit the shape are ErrInvalid, and which and what is named.",
		Run:  checkVectorSizes,
	},
}

func checkVectorRoundTrip(ctx context.Context, env *Env) error {
	for _, format := range env.types() {
		shape := env.shape()
		shape.Type = format
		err := env.open(ctx, shape, func(s codec.Stream) error {
			for _, tokens := range []int{1, 40} {
				page := Page(shape, tokens, 9)
				frame, err := s.Encode(ctx, nil, page...)
				if err != nil {
					return err
				}
				decoded, live := blank(page), copyOf(page)
				if err := s.Decode(ctx, frame, decoded...); err != nil {
					return err
				}
				if err := s.RoundTrip(ctx, live...); err != nil {
					return err
				}
				if err := equal(decoded, live); err != nil {
					return fmt.Errorf("%v, %d tokens: %w", format, tokens, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func checkNonFinite(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(s codec.Stream) error {
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			page := Page(shape, 5, 10)[:2]
			x := numbers(shape, page[1])
			x[(3*shape.KVHeads+1)*shape.HeadDim+7] = float32(bad)
			page[1] = Vectors(shape, page[1].Layer, page[1].Part, page[1].Pos, x)
			if s.Describe().ErrorBound == 0 {
				if err := keeps(ctx, s, page); err != nil {
					return fmt.Errorf("%v: %w", bad, err)
				}
				continue
			}
			_, encodeErr := s.Encode(ctx, nil, page...)
			liveErr := s.RoundTrip(ctx, page...)
			for _, err := range []error{encodeErr, liveErr} {
				if wrong := expect(err, base.ErrInvalid, fmt.Sprint(bad)); wrong != nil {
					return wrong
				}
				var named *codec.NonFiniteError
				if !errors.As(err, &named) || named.Vectors != 1 || named.Token != 3 || named.Head != 1 {
					return fmt.Errorf("%v in vectors[1], token 3, head 1: %w", bad, err)
				}
			}
		}
		return nil
	})
}

// keeps wants the vectors to come back bit for bit.
func keeps(ctx context.Context, s codec.Stream, v []codec.Vectors) error {
	frame, err := s.Encode(ctx, nil, v...)
	if err != nil {
		return err
	}
	back := blank(v)
	if err := s.Decode(ctx, frame, back...); err != nil {
		return err
	}
	return equal(v, back)
}

func checkExtremes(ctx context.Context, env *Env) error {
	for _, format := range env.types() {
		shape := env.shape()
		shape.Type = format
		large := map[codec.DType]float32{codec.F32: 1e30, codec.F16: 65504, codec.BF16: 1e30}[format]
		tiny := map[codec.DType]float32{codec.F32: 1e-40, codec.F16: 6e-8, codec.BF16: 1e-38}[format]
		err := env.open(ctx, shape, func(s codec.Stream) error {
			for _, size := range []float32{0, tiny, 1e-4, 1, 100, large} {
				x := make([]float32, 2*shape.TokenElements())
				for i := range x {
					x[i] = size * float32(1-2*(i%2)) / float32(1+i%5)
				}
				v := Vectors(shape, 0, codec.Key, 0, x)
				if err := s.RoundTrip(ctx, v); err != nil {
					return fmt.Errorf("numbers to %g: %w", size, err)
				}
				most := 2*float64(size) + 1e-30
				if env.Absolute {
					most += 8 * math.Sqrt(s.Describe().ErrorBound)
				}
				for i, y := range numbers(shape, v) {
					if y-y != 0 || size == 0 && y != 0 || math.Abs(float64(y)) > most {
						return fmt.Errorf("numbers to %g: element %d became %g", size, i, y)
					}
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%v: %w", format, err)
		}
	}
	return nil
}

func checkVectorSizes(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(s codec.Stream) error {
		good := Page(shape, 4, 11)[:2]
		frame, err := s.Encode(ctx, nil, good...)
		if err != nil {
			return err
		}
		for field, change := range map[string]func(*codec.Vectors){
			"layer":  func(v *codec.Vectors) { v.Layer = shape.Layers },
			"part":   func(v *codec.Vectors) { v.Part = 0 },
			"pos":    func(v *codec.Vectors) { v.Pos = -1 },
			"tokens": func(v *codec.Vectors) { v.Tokens, v.Data = 0, nil },
			"data":   func(v *codec.Vectors) { v.Data = v.Data[:len(v.Data)-1] },
		} {
			bad := copyOf(good)
			change(&bad[1])
			_, encodeErr := s.Encode(ctx, nil, bad...)
			for what, err := range map[string]error{
				"encode": encodeErr, "round trip": s.RoundTrip(ctx, bad...), "decode": s.Decode(ctx, frame, bad...),
			} {
				if wrong := expectNaming(err, base.ErrInvalid, "vectors[1]."+field); wrong != nil {
					return fmt.Errorf("%s: %w", what, wrong)
				}
			}
		}
		return expect(s.RoundTrip(ctx), base.ErrInvalid, "no vectors")
	})
}
