package executor

import (
	"context"
	"errors"
	"fmt"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
)

// LiveOptions make every key and value pass through a codec before attention reads it.
type LiveOptions struct {
	Codec  *kv.Codec
	Shape  codec.Shape // of the layers within the boundary, all alike; Type is not looked at
	Sinks  int         // first positions that stay exact
	Recent int         // newest positions of a sequence that stay exact until they age
}

// live is the codec at work in steps.
type live struct {
	LiveOptions
	*kv.Live
	aging  *aging                // nil: without Recent
	steps  map[engine.SeqID]span // of the step that is computed
	layers int                   // that the codec works on
	broken error                 // the codec failed for good
	taps   *binding.Taps         // of the context
	direct *codec.Direct         // by which the step's calls are made; nil: by Go
}

func newLive(ctx context.Context, o *LiveOptions, batch int) (*live, error) {
	l, err := kv.NewLive(ctx, o.Codec, o.Shape, batch)
	if err != nil {
		return nil, err
	}
	x := &live{LiveOptions: *o, Live: l}
	for _, packs := range o.Codec.Packs(o.Shape.Layers) {
		if packs {
			x.layers++
		}
	}
	return x, nil
}

// setRecent makes the newest tokens age in the cells.
func (l *live) setRecent(ctx context.Context, c *cells) (err error) {
	if l.Recent == 0 || l.layers == 0 {
		return nil
	}
	if c == nil {
		return fmt.Errorf("cache.recent: the cells of this model's cache cannot be got at: %w", base.ErrUnsupported)
	}
	l.aging, err = newAging(ctx, c, &l.LiveOptions)
	return err
}

// via says what vectors have gone through.
func (l *live) via() string {
	return fmt.Sprintf("%s boundary=%d sinks=%d recent=%d", l.Format(), l.Codec.Boundary, l.Sinks, l.Recent)
}

// tapped names the tap.
const tapped = "Kcur"

// tap is how the codec gets at a layer's keys and values.
func (l *live) tap() binding.Tap {
	return binding.Tap{
		Names:  []string{tapped, "Vcur"},
		Layers: l.Codec.Packs(l.Shape.Layers),
		Cached: true,
		Call:   l.layer,
	}
}

// begin says what the step that is about to be computed is made of.
func (l *live) begin(items []engine.Item) error {
	if l.broken != nil {
		return l.broken
	}
	l.steps = spans(items)
	l.Begin(len(items), func(i int) (int, bool) {
		pos := items[i].Pos
		return int(pos), int(pos) < l.Sinks || int(pos) > int(l.steps[items[i].Seq].last)-l.Recent
	})
	if err := l.prepare(); err != nil || l.aging == nil {
		return l.failed(err)
	}
	return l.failed(l.aging.before(l.steps, int32(l.Sinks), int32(l.Recent)))
}

// end is told how the step ended, and says how it did.
func (l *live) end(err error) error {
	if err != nil {
		return l.failed(err)
	}
	if calls, _ := l.taps.Calls(tapped); calls != l.layers {
		return fmt.Errorf("the codec was asked for %d layers of %d", calls, l.layers)
	}
	if l.aging != nil {
		l.aging.after(l.steps, int32(l.Sinks), int32(l.Recent))
	}
	return nil
}

// failed remembers that the codec is gone: no step can be right without it.
func (l *live) failed(err error) error {
	if errors.Is(err, binding.ErrOverdue) {
		err = fmt.Errorf("codec: %w", l.direct.Overdue())
	}
	if errors.Is(err, base.ErrPluginGone) {
		l.broken = err
	}
	return err
}

// prepare says how the calls of the step are made without Go, if they can be.
func (l *live) prepare() error {
	direct, message, layers, err := l.Direct()
	if l.direct = direct; direct == nil {
		l.taps.Route(tapped, nil)
		return err
	}
	l.taps.Route(tapped, &binding.Trip{
		Lane: direct.Lane, Patience: direct.Patience, Message: message,
		Layers: layers, LayerAt: codec.LayerAt(0), LayerStep: codec.LayerAt(1) - codec.LayerAt(0),
		Buffers: [][]byte{l.Keys(), l.Values()},
	})
	return nil
}

func (l *live) layer(layer int, t []binding.Tensor) error {
	if l.Idle() {
		return nil
	}
	keys, values := l.Keys(), l.Values()
	for i, data := range [][]byte{keys, values} {
		if !t[i].IsF32() || t[i].Bytes() != len(data) {
			return fmt.Errorf("layer %d has vectors of shape %v, not %d heads of %d: %w",
				layer, t[i].Shape(), l.Shape.KVHeads, l.Shape.HeadDim, base.ErrUnsupported)
		}
		t[i].Read(data)
	}
	if err := l.RoundTrip(layer); err != nil {
		return err
	}
	t[0].Write(keys)
	t[1].Write(values)
	return nil
}
