package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
)

// checkCodec refuses models that the bound codec cannot be used with.
func (m *model) checkCodec(t traits) error {
	switch {
	case m.codec == nil:
		return nil
	case !t.generative:
		return fmt.Errorf("codec: a model that only embeds keeps no cache: %w", base.ErrUnsupported)
	case t.headDim != t.valueDim:
		return fmt.Errorf("codec: keys of %d numbers and values of %d: %w", t.headDim, t.valueDim, base.ErrUnsupported)
	case m.weights.Recurrent():
		return fmt.Errorf("codec: the model keeps a running state in place of keys and values: %w", base.ErrUnsupported)
	}
	return nil
}

func shapeOf(t traits) codec.Shape {
	return codec.Shape{Layers: t.Layers, KVHeads: t.KVHeads, HeadDim: t.headDim}
}

// live is the codec at work in steps, nil when it is not to be.
func (m *model) live(t traits, c backend.CacheOptions) *executor.LiveOptions {
	if c.Mode != backend.CacheLive {
		return nil
	}
	return &executor.LiveOptions{Codec: m.codec, Shape: shapeOf(t), Sinks: max(0, c.Sinks), Recent: c.Recent}
}

// park makes the executor pack pages, if the options say so. A cache whose cells cannot be got at is
// not parked, which is refused only where a codec was to pack them.
func (m *model) park(ctx context.Context, t traits, c *backend.CacheOptions) error {
	if c.ParkAfter == 0 || !t.generative {
		c.ParkAfter = 0
		return nil
	}
	var o executor.ParkOptions
	if c.Mode == backend.CacheParked {
		o = executor.ParkOptions{Codec: m.codec, Shape: shapeOf(t), Sinks: max(0, c.Sinks)}
	}
	err := m.exec.Park(ctx, o)
	if errors.Is(err, base.ErrUnsupported) && o.Codec == nil {
		c.ParkAfter = 0
		return nil
	}
	return err
}
