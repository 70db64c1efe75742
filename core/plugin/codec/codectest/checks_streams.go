package codectest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

var streamChecks = []Check{
	{
		Name: "streams/together",
		Doc:  "Many calls at once, of one stream and of several, give what each gives alone.",
		Run:  checkTogether,
	},
	{
		Name: "streams/cancelled",
		Doc:  "A call whose context has ended returns its error, and the stream works on.",
		Run:  checkCancelled,
	},
	{
		Name: "streams/closed",
		Doc:  "Calls of a closed stream are ErrClosed; closing again does nothing; other streams work on.",
		Run:  checkClosed,
	},
}

var affineChecks = []Check{
	{
		Name: "affine/decode",
		Doc:  "Integers within their range, times scale, over the denominator, rotated by an orthonormal R, are what Decode gives.",
		Run:  checkAffine,
	},
	{
		Name: "affine/damage",
		Doc:  "DecodeIntegers of a damaged frame is ErrCorrupt.",
		Run:  checkAffineDamage,
	},
}

const (
	callers = 8
	rounds  = 6
)

func checkTogether(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(one codec.Stream) error {
		return env.open(ctx, shape, func(two codec.Stream) error {
			var all sync.WaitGroup
			wrong := make([]error, callers)
			for i := range callers {
				page := Page(shape, 1+9*i, uint64(100+i))
				frame, err := one.Encode(ctx, nil, page...)
				if err != nil {
					return err
				}
				back := blank(page)
				if err := one.Decode(ctx, frame, back...); err != nil {
					return err
				}
				all.Go(func() { wrong[i] = again(ctx, []codec.Stream{one, two}, page, frame, back) })
			}
			all.Wait()
			return errors.Join(wrong...)
		})
	})
}

// again wants every stream to give the same frame and the same vectors, a few times.
func again(ctx context.Context, streams []codec.Stream, page []codec.Vectors, frame []byte, back []codec.Vectors) error {
	for n := range rounds {
		s := streams[n%len(streams)]
		out, err := s.Encode(ctx, nil, page...)
		if err != nil {
			return err
		}
		if !bytes.Equal(out, frame) {
			return fmt.Errorf("beside others, a frame of %d bytes differs from that of %d bytes made alone", len(out), len(frame))
		}
		decoded, live := blank(page), copyOf(page)
		if err := s.Decode(ctx, frame, decoded...); err != nil {
			return err
		}
		if err := s.RoundTrip(ctx, live...); err != nil {
			return err
		}
		if err := errors.Join(equal(back, decoded), equal(back, live)); err != nil {
			return fmt.Errorf("beside others: %w", err)
		}
	}
	return nil
}

func checkCancelled(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(s codec.Stream) error {
		page := Page(shape, 64, 12)
		frame, err := s.Encode(ctx, nil, page...)
		if err != nil {
			return err
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, encodeErr := s.Encode(ended, nil, page...)
		for what, err := range map[string]error{
			"encode": encodeErr, "round trip": s.RoundTrip(ended, copyOf(page)...), "decode": s.Decode(ended, frame, blank(page)...),
		} {
			if wrong := expect(err, context.Canceled, what+" with a cancelled context"); wrong != nil {
				return wrong
			}
		}
		return s.Decode(ctx, frame, blank(page)...)
	})
}

func checkClosed(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(other codec.Stream) error {
		page := Page(shape, 2, 13)
		frame, err := other.Encode(ctx, nil, page...)
		if err != nil {
			return err
		}
		s, err := env.Codec.Open(ctx, shape, env.Params)
		if err != nil {
			return err
		}
		for range 2 {
			if err := s.Close(); err != nil {
				return fmt.Errorf("close: %w", err)
			}
		}
		_, encodeErr := s.Encode(ctx, nil, page...)
		for what, err := range map[string]error{
			"encode": encodeErr, "round trip": s.RoundTrip(ctx, copyOf(page)...), "decode": s.Decode(ctx, frame, blank(page)...),
		} {
			if wrong := expect(err, codec.ErrClosed, what+" after closing"); wrong != nil {
				return wrong
			}
		}
		return other.Decode(ctx, frame, blank(page)...)
	})
}

// withAffine opens a stream for use and skips if it has no affine form.
func withAffine(ctx context.Context, env *Env, shape codec.Shape, use func(codec.Stream, codec.Integers, *codec.Affine) error) error {
	return env.open(ctx, shape, func(s codec.Stream) error {
		a := s.Describe().Affine
		if a == nil {
			return &SkipError{Reason: "the stream has no affine form"}
		}
		integers, ok := s.(codec.Integers)
		if !ok {
			return fmt.Errorf("the stream describes an affine form and has no DecodeIntegers")
		}
		return use(s, integers, a)
	})
}

func checkAffine(ctx context.Context, env *Env) error {
	for _, dim := range env.headDims() {
		shape := codec.Shape{Layers: 2, KVHeads: 3, HeadDim: dim, Type: codec.F32}
		err := withAffine(ctx, env, shape, func(s codec.Stream, integers codec.Integers, a *codec.Affine) error {
			if err := orthonormal(a.R, dim); err != nil {
				return err
			}
			page := Page(shape, 10, 14)
			frame, err := s.Encode(ctx, nil, page...)
			if err != nil {
				return err
			}
			back := blank(page)
			if err := s.Decode(ctx, frame, back...); err != nil {
				return err
			}
			c := coordinates(shape, page)
			if err := integers.DecodeIntegers(ctx, frame, c...); err != nil {
				return err
			}
			return agrees(shape, a, back, c)
		})
		if err != nil {
			return fmt.Errorf("head_dim %d: %w", dim, err)
		}
	}
	return nil
}

func coordinates(shape codec.Shape, v []codec.Vectors) []codec.Coordinates {
	c := make([]codec.Coordinates, len(v))
	for i := range v {
		c[i] = codec.Coordinates{
			Layer: v[i].Layer, Part: v[i].Part, Pos: v[i].Pos, Tokens: v[i].Tokens,
			Z: make([]int16, v[i].Tokens*shape.TokenElements()), Scale: make([]float32, v[i].Tokens*shape.KVHeads),
		}
	}
	return c
}

// orthonormal wants the rows of a matrix to be; nil is the identity.
func orthonormal(r []float32, dim int) error {
	if r == nil {
		return nil
	}
	for i := range dim {
		for j := range i + 1 {
			dot, want := 0.0, 0.0
			if i == j {
				want = 1
			}
			for k := range dim {
				dot += float64(r[i*dim+k]) * float64(r[j*dim+k])
			}
			if math.Abs(dot-want) > 1e-4 {
				return fmt.Errorf("R is not orthonormal: rows %d and %d have the product %g", i, j, dot)
			}
		}
	}
	return nil
}

// agrees wants scale/denominator * (z R) to be the decoded vectors.
func agrees(shape codec.Shape, a *codec.Affine, back []codec.Vectors, c []codec.Coordinates) error {
	dim := shape.HeadDim
	x := make([]float64, dim)
	for i := range c {
		want := numbers(shape, back[i])
		for n, scale := range c[i].Scale {
			z := c[i].Z[n*dim : (n+1)*dim]
			norm := 0.0
			clear(x)
			for j, coordinate := range z {
				if int(coordinate) < a.Min || int(coordinate) > a.Max {
					return fmt.Errorf("vectors[%d]: coordinate %d is not between %d and %d", i, coordinate, a.Min, a.Max)
				}
				step := float64(coordinate) * float64(scale) / float64(a.Denominator)
				if a.R == nil {
					x[j] = step
					continue
				}
				for k := range dim {
					x[k] += step * float64(a.R[j*dim+k])
				}
			}
			for _, e := range x {
				norm += e * e
			}
			for k := range x {
				if d := math.Abs(x[k] - float64(want[n*dim+k])); d > 1e-5*math.Sqrt(norm)+1e-30 {
					return fmt.Errorf("vectors[%d], vector %d, element %d: the affine form gives %g, Decode %g", i, n, k, x[k], want[n*dim+k])
				}
			}
		}
	}
	return nil
}

func checkAffineDamage(ctx context.Context, env *Env) error {
	shape := env.shape()
	return withAffine(ctx, env, shape, func(s codec.Stream, integers codec.Integers, _ *codec.Affine) error {
		page := Page(shape, 3, 15)
		frame, err := s.Encode(ctx, nil, page...)
		if err != nil {
			return err
		}
		frame[len(frame)-1] ^= 1
		return expect(integers.DecodeIntegers(ctx, frame, coordinates(shape, page)...), base.ErrCorrupt, "a bit changed")
	})
}
