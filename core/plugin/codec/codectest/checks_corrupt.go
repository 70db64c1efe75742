package codectest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

var corruptChecks = []Check{
	{
		Name: "frames/damage",
		Doc:  "A frame with a bit changed, cut short or longer is ErrCorrupt; only its version may be ErrUnsupported.",
		Run:  checkDamage,
	},
	{
		Name: "frames/foreign",
		Doc:  "What is no frame is ErrCorrupt, and so is a frame of another shape.",
		Run:  checkForeign,
	},
	{
		Name: "frames/headers",
		Doc:  "A frame of other vectors, by layer, part, tokens, order or number, is ErrCorrupt.",
		Run:  checkHeaders,
	},
}

// damages is about how many bytes of a frame are damaged. The first hundred always are.
const damages = 300

func checkDamage(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(s codec.Stream) error {
		page := Page(shape, 5, 6)[:2]
		frame, err := s.Encode(ctx, nil, page...)
		if err != nil {
			return err
		}
		back := blank(page)
		refused := func(what string, bad []byte) error {
			err := s.Decode(ctx, bad, back...)
			if errors.Is(err, base.ErrUnsupported) {
				return nil
			}
			return expect(err, base.ErrCorrupt, what)
		}
		unsupported, step := 0, max(1, len(frame)/damages)
		for i := 0; i < len(frame); i++ {
			bad := slices.Clone(frame)
			bad[i] ^= 1 << (i % 8)
			if err := refused(fmt.Sprintf("bit %d of byte %d of %d changed", i%8, i, len(frame)), bad); err != nil {
				return err
			}
			if errors.Is(s.Decode(ctx, bad, back...), base.ErrUnsupported) {
				unsupported++
			}
			if err := refused(fmt.Sprintf("cut to %d of %d bytes", i, len(frame)), frame[:i]); err != nil {
				return err
			}
			if i > 100 {
				i += step - 1
			}
		}
		if unsupported > 4 {
			return fmt.Errorf("damage in %d places is ErrUnsupported: that is for a version alone", unsupported)
		}
		if err := refused("a byte longer", append(slices.Clone(frame), 0)); err != nil {
			return err
		}
		return refused("twice", append(slices.Clone(frame), frame...))
	})
}

func checkForeign(ctx context.Context, env *Env) error {
	shape := env.shape()
	page := Page(shape, 4, 7)
	back := blank(page)
	return env.open(ctx, shape, func(s codec.Stream) error {
		noise := make([]byte, 1000)
		for i := range noise {
			noise[i] = byte(i * i * 31)
		}
		for what, frame := range map[string][]byte{
			"nothing": nil, "zeros": make([]byte, 1000), "noise": noise, "text": []byte("GGUF and other things"),
		} {
			if err := expect(s.Decode(ctx, frame, back...), base.ErrCorrupt, what); err != nil {
				return err
			}
		}
		for what, change := range map[string]func(*codec.Shape){
			"head_dim": func(s *codec.Shape) { s.HeadDim *= 2 },
			"kv_heads": func(s *codec.Shape) { s.KVHeads *= 2 },
		} {
			theirs := shape
			change(&theirs)
			err := env.open(ctx, theirs, func(other codec.Stream) error {
				frame, err := other.Encode(ctx, nil, Page(theirs, 2, 7)...)
				if err != nil {
					return err
				}
				half := Page(shape, 2, 7) // as many tokens
				if err := expect(s.Decode(ctx, frame, half...), base.ErrCorrupt, "a frame of another "+what); err != nil {
					return err
				}
				return expect(s.Decode(ctx, frame, back...), base.ErrCorrupt, "a frame of as many elements and another "+what)
			})
			if errors.Is(err, base.ErrUnsupported) {
				continue // this codec has no such shapes
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func checkHeaders(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(s codec.Stream) error {
		page := Page(shape, 4, 8)[:3]
		frame, err := s.Encode(ctx, nil, page...)
		if err != nil {
			return err
		}
		shorter := Page(shape, 3, 8)[:3]
		layer, part, order := blank(page), blank(page), blank(page)
		layer[1].Layer = 3
		part[0].Part = codec.Value
		order[0], order[1] = order[1], order[0]
		for what, v := range map[string][]codec.Vectors{
			"of another layer": layer, "of another part": part, "of fewer tokens": shorter, "in another order": order,
			"fewer": page[:2], "more": append(blank(page), layer[1]),
		} {
			if err := expect(s.Decode(ctx, frame, v...), base.ErrCorrupt, "vectors "+what); err != nil {
				return err
			}
		}
		return nil
	})
}
