package executor

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/kv"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// LiveOptions make every key and value pass through a codec before attention reads it.
type LiveOptions struct {
	Codec *kv.Codec
	Sinks int // first positions that stay exact
}

// live is the codec at work in steps.
type live struct {
	LiveOptions
	*kv.Live
	packs  []bool // [layers]
	broken error  // the codec failed for good
}

// Live makes steps pass keys and values through a codec. It is called once, before Compile.
func (x *Executor) Live(ctx context.Context, o LiveOptions) error {
	l, err := kv.NewLive(ctx, o.Codec, x.shape(), min(x.options.Batch, maxChunk))
	if err != nil {
		return err
	}
	x.live = &live{LiveOptions: o, Live: l, packs: o.Codec.Packs(x.model.Net.Layers)}
	x.programs.split()
	return nil
}

// shape is what a codec is told of the model.
func (x *Executor) shape() codec.Shape {
	m := x.model.Net
	return codec.Shape{Layers: m.Layers, KVHeads: m.KVHeads, HeadDim: m.HeadDim}
}

// via says what vectors have gone through.
func (l *live) via() string {
	return fmt.Sprintf("%s boundary=%d sinks=%d", l.Format(), l.Codec.Boundary, l.Sinks)
}

// begin says what the chunk is made of that is about to be computed.
func (l *live) begin(items []engine.Item) error {
	l.Begin(len(items), func(i int) (int, bool) { return int(items[i].Pos), int(items[i].Pos) < l.Sinks })
	return l.broken
}

// pass replaces keys and values [tokens, kv_heads, head_dim] of a layer by what the codec makes of them.
func (l *live) pass(layer int, keys, values []float32) error {
	if !l.packs[layer] || l.Idle() {
		return nil
	}
	pairs := [][2][]float32{{keys, floats(l.Keys())}, {values, floats(l.Values())}}
	for _, p := range pairs {
		copy(p[1], p[0])
	}
	if err := l.RoundTrip(layer); err != nil {
		if errors.Is(err, base.ErrPluginGone) {
			l.broken = err
		}
		return err
	}
	for _, p := range pairs {
		copy(p[0], p[1])
	}
	return nil
}

// floats are bytes as 32-bit numbers. The codec's memory is aligned for them.
func floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

// liveLayer computes a layer in two programs, between which the codec has its turn. Outputs are those of the second.
func (x *Executor) liveLayer(layer int, enter, leave *device.Program, hidden device.Buffer, r run) ([]device.Output, error) {
	args := append([]device.Buffer{hidden}, r.entering...)
	made, err := enter.Run(append(args, x.model.Layers[layer]...)...)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, o := range made {
			o.Free()
		}
	}()
	vectors := make([][]float32, 2)
	for i, a := range []*device.Array{r.in.keys, r.in.values} {
		vectors[i] = a.Floats()
		if err := made[1+i].CopyTo(vectors[i]); err != nil {
			return nil, err
		}
	}
	if err := x.live.pass(layer, vectors[0], vectors[1]); err != nil {
		return nil, err
	}
	args = append(append([]device.Buffer{hidden}, r.shared...), made[0].Buffer())
	m := x.model.Net
	for _, a := range []*device.Array{r.in.keys, r.in.values} {
		b, err := a.View(r.in.tokens, m.KVHeads, m.HeadDim)
		if err != nil {
			return nil, err
		}
		args = append(args, b)
	}
	if args, err = x.cache[layer].inputs(args, r.blocks); err != nil {
		return nil, err
	}
	return leave.Run(append(args, x.model.Layers[layer]...)...)
}
