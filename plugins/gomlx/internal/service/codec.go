package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/executor"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/model"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/net"
)

// reside makes the cache keep what the codec packs, where the options say so. Where that cannot be, it parks instead, which
// the options then say.
func (l *loaded) reside(ctx context.Context, o *backend.LoadOptions, to *model.Options, log *slog.Logger) error {
	if o.Cache.Mode != backend.CacheResident {
		return nil
	}
	packed, err := l.packing(ctx)
	if errors.Is(err, base.ErrUnsupported) {
		log.Warn("keys and values cannot stay packed with this codec: they are parked", "reason", err)
		o.Cache.Mode = backend.CacheParked
		o.Cache, err = o.Cache.Resolve(true)
		return err
	}
	if err != nil {
		return err
	}
	to.Packed, to.Packs = packed, l.codec.Packs(l.config.Layers)
	to.Exact = executorOptions(*o).Exact()
	return nil
}

// packing asks the codec how it packs. base.ErrUnsupported: in a way that graphs cannot.
func (l *loaded) packing(ctx context.Context) (*net.Packed, error) {
	if !l.device.Compiles() {
		return nil, fmt.Errorf("pure Go: %w: only XLA computes with integers", base.ErrUnsupported)
	}
	c := l.config
	if c.HeadDim%8 != 0 {
		return nil, fmt.Errorf("heads of %d: %w: they are no whole blocks", c.HeadDim, base.ErrUnsupported)
	}
	stream, err := l.codec.Stream(ctx, codec.Shape{Layers: c.Layers, KVHeads: c.KVHeads, HeadDim: c.HeadDim, Type: codec.F32})
	if err != nil {
		return nil, err
	}
	packed, err := net.PackedAs(stream.Describe().Affine)
	return packed, errors.Join(err, stream.Close())
}

// act puts the codec to work: in steps, or where pages are packed.
func (l *loaded) act(ctx context.Context, c backend.CacheOptions) error {
	sinks := max(0, c.Sinks)
	if c.Mode == backend.CacheLive {
		if err := l.exec.Live(ctx, executor.LiveOptions{Codec: l.codec, Sinks: sinks}); err != nil {
			return err
		}
	}
	if c.ParkAfter == 0 {
		return nil
	}
	park := executor.ParkOptions{Sinks: sinks}
	if c.Mode == backend.CacheParked {
		park.Codec = l.codec
	}
	return l.exec.Park(ctx, park)
}
