package codectest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

var infoChecks = []Check{
	{
		Name: "info/identity",
		Doc:  "Info tells kind, name, version and the API version, and never changes.",
		Run:  checkInfo,
	},
	{
		Name: "info/health",
		Doc:  "A codec that can be asked is OK, and its uptime grows.",
		Run:  checkHealth,
	},
}

var openChecks = []Check{
	{
		Name: "open/describe",
		Doc:  "A stream has a format, bits and an error bound, and its description never changes.",
		Run:  checkDescribe,
	},
	{
		Name: "open/params",
		Doc:  "Opening with the described parameters gives a stream of the same format.",
		Run:  checkParams,
	},
	{
		Name: "open/unknown-param",
		Doc:  "A parameter that the codec does not know is ErrInvalid and named.",
		Run:  checkUnknownParam,
	},
	{
		Name: "open/shape",
		Doc:  "A shape that means nothing is ErrInvalid, and its field is named.",
		Run:  checkBadShape,
	},
}

func checkInfo(ctx context.Context, env *Env) error {
	info, err := env.Codec.Info(ctx)
	if err != nil {
		return err
	}
	if err := info.Check(base.KindCodec); err != nil {
		return err
	}
	if info.Name == "" || info.Version == "" {
		return fmt.Errorf("name %q and version %q must not be empty", info.Name, info.Version)
	}
	again, err := env.Codec.Info(ctx)
	if err != nil {
		return err
	}
	if info.Name != again.Name || info.Version != again.Version || !slices.Equal(info.Capabilities, again.Capabilities) {
		return fmt.Errorf("info changed from %+v to %+v", info, again)
	}
	return nil
}

func checkHealth(ctx context.Context, env *Env) error {
	before, err := env.Codec.Health(ctx)
	if err != nil {
		return err
	}
	after, err := env.Codec.Health(ctx)
	if err != nil {
		return err
	}
	switch {
	case !before.OK || !after.OK:
		return fmt.Errorf("not OK: %q %q", before.Message, after.Message)
	case before.Uptime <= 0 || after.Uptime < before.Uptime:
		return fmt.Errorf("uptime went from %v to %v", before.Uptime, after.Uptime)
	}
	return nil
}

func checkDescribe(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(s codec.Stream) error {
		d, again := s.Describe(), s.Describe()
		switch {
		case d.Format == "":
			return fmt.Errorf("the format is empty")
		case !(d.Bits > 0 && d.Bits < 1000):
			return fmt.Errorf("bits are %v", d.Bits)
		case !(d.ErrorBound >= 0 && d.ErrorBound < 1):
			return fmt.Errorf("the error bound is %v", d.ErrorBound)
		case d.Format != again.Format || d.Bits != again.Bits || d.ErrorBound != again.ErrorBound || !maps.Equal(d.Params, again.Params):
			return fmt.Errorf("the description changed from %+v to %+v", d, again)
		case (d.Affine == nil) != (again.Affine == nil):
			return fmt.Errorf("the affine form came or went")
		}
		return nil
	})
}

func checkParams(ctx context.Context, env *Env) error {
	shape := env.shape()
	return env.open(ctx, shape, func(s codec.Stream) error {
		d := s.Describe()
		resolved := &Env{Codec: env.Codec, Params: d.Params}
		return resolved.open(ctx, shape, func(s codec.Stream) error {
			again := s.Describe()
			if again.Format != d.Format || !maps.Equal(again.Params, d.Params) || again.Bits != d.Bits {
				return fmt.Errorf("%v gives %q (%v, %v bits), not %q (%v bits)",
					d.Params, again.Format, again.Params, again.Bits, d.Format, d.Bits)
			}
			return nil
		})
	})
}

const strangeParam = "no_codec_has_this"

func checkUnknownParam(ctx context.Context, env *Env) error {
	params := codec.Params{strangeParam: "1"}
	maps.Copy(params, env.Params)
	s, err := env.Codec.Open(ctx, env.shape(), params)
	if err == nil {
		err = s.Close()
		if err != nil {
			return err
		}
	}
	return expectNaming(err, base.ErrInvalid, strangeParam)
}

func checkBadShape(ctx context.Context, env *Env) error {
	for field, change := range map[string]func(*codec.Shape){
		"layers":   func(s *codec.Shape) { s.Layers = 0 },
		"kv_heads": func(s *codec.Shape) { s.KVHeads = -1 },
		"head_dim": func(s *codec.Shape) { s.HeadDim = codec.MaxHeadDim + 1 },
		"type":     func(s *codec.Shape) { s.Type = 99 },
	} {
		shape := env.shape()
		change(&shape)
		s, err := env.Codec.Open(ctx, shape, env.Params)
		if err == nil {
			_ = s.Close()
		}
		if wrong := expectNaming(err, base.ErrInvalid, field); wrong != nil {
			return wrong
		}
	}
	return nil
}
