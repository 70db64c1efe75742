package codectest

import (
	"bytes"
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

var frameChecks = []Check{
	{
		Name: "frames/round-trip",
		Doc:  "For every head_dim and number format, a page comes back within ErrorBound from a frame within Bits.",
		Run:  checkRoundTrip,
	},
	{
		Name: "frames/append",
		Doc:  "Encode appends to what it is given and leaves the vectors as they are.",
		Run:  checkAppend,
	},
	{
		Name: "frames/determinism",
		Doc:  "Equal vectors give equal frames, whatever was packed before and by which stream of a format.",
		Run:  checkDeterminism,
	},
	{
		Name: "frames/other-stream",
		Doc:  "Another stream of the same format and shape reads a frame.",
		Run:  checkOtherStream,
	},
	{
		Name: "frames/sizes",
		Doc:  "One token and many, one Vectors and many, of equal and of different lengths, come back.",
		Run:  checkSizes,
	},
}

func checkRoundTrip(ctx context.Context, env *Env) error {
	for _, shape := range env.pageShapes() {
		if err := env.open(ctx, shape, func(s codec.Stream) error { return env.checkPage(ctx, s, shape) }); err != nil {
			return fmt.Errorf("head_dim %d, %v: %w", shape.HeadDim, shape.Type, err)
		}
	}
	return nil
}

func (e *Env) checkPage(ctx context.Context, s codec.Stream, shape codec.Shape) error {
	d := s.Describe()
	if d.ErrorBound == 0 {
		if err := keeps(ctx, s, Page(shape, PageTokens, 1)); err != nil {
			return err
		}
	}
	m, err := measurePage(ctx, s, shape)
	if err != nil {
		return err
	}
	if m.Loss > d.ErrorBound*(1+e.slack()) {
		return fmt.Errorf("the relative squared error is %.3g, the bound %.3g", m.Loss, d.ErrorBound)
	}
	if m.Bits > d.Bits*(1+e.slack()) {
		return fmt.Errorf("an element takes %.4g bits, described are %.4g", m.Bits, d.Bits)
	}
	return nil
}

func checkAppend(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(s codec.Stream) error {
		page := Page(shape, 3, 2)
		before := copyOf(page)
		frame, err := s.Encode(ctx, nil, page...)
		if err != nil {
			return err
		}
		if err := equal(before, page); err != nil {
			return fmt.Errorf("encoding changed its vectors: %w", err)
		}
		for _, room := range []int{0, len(frame), 4 * len(frame)} {
			dst := append(make([]byte, 0, 5+room), "begin"...)
			out, err := s.Encode(ctx, dst, page...)
			if err != nil {
				return err
			}
			if !bytes.Equal(out, append([]byte("begin"), frame...)) {
				return fmt.Errorf("with room for %d bytes, %d bytes are not 5 that were there and the %d of the frame", room, len(out), len(frame))
			}
		}
		return nil
	})
}

func checkDeterminism(ctx context.Context, env *Env) error {
	shape := env.shape()
	page, other := Page(shape, 7, 3), Page(shape, 9, 4)
	encode := func(s codec.Stream, v []codec.Vectors) ([]byte, error) { return s.Encode(ctx, nil, v...) }
	return env.open(ctx, shape, func(s codec.Stream) error {
		first, err := encode(s, page)
		if err != nil {
			return err
		}
		if _, err := encode(s, other); err != nil {
			return err
		}
		second, err := encode(s, page)
		if err != nil {
			return err
		}
		if !bytes.Equal(first, second) {
			return fmt.Errorf("the same stream gives another frame of the same vectors")
		}
		return env.open(ctx, shape, func(s codec.Stream) error {
			third, err := encode(s, page)
			if err != nil {
				return err
			}
			if !bytes.Equal(first, third) {
				return fmt.Errorf("another stream gives another frame of the same vectors")
			}
			return nil
		})
	})
}

func checkOtherStream(ctx context.Context, env *Env) error {
	shape := env.shape()
	page := Page(shape, 5, 5)
	var frame []byte
	here := blank(page)
	err := env.open(ctx, shape, func(s codec.Stream) (err error) {
		if frame, err = s.Encode(ctx, nil, page...); err != nil {
			return err
		}
		return s.Decode(ctx, frame, here...)
	})
	if err != nil {
		return err
	}
	return env.open(ctx, shape, func(s codec.Stream) error {
		there := blank(page)
		if err := s.Decode(ctx, frame, there...); err != nil {
			return err
		}
		return equal(here, there)
	})
}

func checkSizes(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(s codec.Stream) error {
		for _, tokens := range []int{1, 2, 63, 130} {
			page := Page(shape, tokens, uint64(tokens))
			mixed := append(Page(shape, 1, 7), page[len(page)-1])
			for _, v := range [][]codec.Vectors{page[:1], page[1:3], page, mixed} {
				frame, err := s.Encode(ctx, nil, v...)
				if err != nil {
					return fmt.Errorf("encode %d vectors, the last of %d tokens: %w", len(v), tokens, err)
				}
				back := blank(v)
				if err := s.Decode(ctx, frame, back...); err != nil {
					return fmt.Errorf("decode %d vectors, the last of %d tokens: %w", len(v), tokens, err)
				}
				// Few vectors are no sample: the bound only has to be of the right order.
				if lost, bound := loss(shape, v, back), s.Describe().ErrorBound; lost > 2*bound {
					return fmt.Errorf("%d vectors, the last of %d tokens: the relative squared error is %.3g, the bound %.3g", len(v), tokens, lost, bound)
				}
			}
		}
		return nil
	})
}
