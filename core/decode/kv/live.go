package kv

import (
	"context"
	"errors"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// Live passes the keys and values of each step through a codec. It is used by one goroutine.
type Live struct {
	codec  *Codec
	stream codec.Stream
	shape  codec.Shape
	memory []byte // two halves, of keys and of values: [tokens, kv_heads, head_dim], f32
	half   int

	tokens int // of the step
	keys   []codec.Vectors
	values []codec.Vectors
	both   []codec.Vectors

	direct  *codec.Direct // nil: calls are made by Go alone
	message []byte
}

// NewLive makes a Live for steps of at most so many tokens. The caller closes it.
func NewLive(ctx context.Context, c *Codec, shape codec.Shape, tokens int) (*Live, error) {
	shape.Type = codec.F32
	l := &Live{codec: c, shape: shape, half: tokens * shape.TokenBytes()}
	var err error
	if l.stream, err = c.Stream(ctx, shape); err != nil {
		return nil, err
	}
	if l.memory, err = c.Alloc(2 * l.half); err != nil {
		_ = l.stream.Close()
		return nil, fmt.Errorf("memory for the codec: %w", err)
	}
	if d, ok := l.stream.(codec.Directed); ok {
		if l.direct, err = d.Direct(ctx); err != nil && !errors.Is(err, base.ErrUnsupported) {
			l.Close()
			return nil, fmt.Errorf("a lane for the codec: %w", err)
		}
	}
	return l, nil
}

// Close frees the memory; the codec stays the caller's.
func (l *Live) Close() {
	if l.direct != nil {
		l.direct.Close()
	}
	l.codec.Free(l.memory)
	_ = l.stream.Close() // it may be gone, and the link's end closes it too
}

// Format names the codec's stream.
func (l *Live) Format() string { return l.stream.Describe().Format }

// Begin says which tokens a step has: positions are theirs, and exact those that are left alone.
func (l *Live) Begin(tokens int, position func(i int) (pos int, exact bool)) {
	l.tokens = tokens
	l.keys, l.values = l.keys[:0], l.values[:0]
	size := l.shape.TokenBytes()
	for i := range tokens {
		pos, exact := position(i)
		if exact {
			continue
		}
		// Each token by itself: what becomes of it must not depend on its neighbours in the step.
		at := i * size
		l.keys = append(l.keys, codec.Vectors{Part: codec.Key, Pos: pos, Tokens: 1, Data: l.memory[at : at+size]})
		l.values = append(l.values, codec.Vectors{Part: codec.Value, Pos: pos, Tokens: 1, Data: l.memory[l.half+at : l.half+at+size]})
	}
}

// Idle says that the step has nothing for the codec.
func (l *Live) Idle() bool { return len(l.keys) == 0 }

// Keys is where one layer's keys of the step's tokens lie, exact ones too, before and after RoundTrip:
// [tokens, kv_heads, head_dim], f32.
func (l *Live) Keys() []byte { return l.memory[:l.tokens*l.shape.TokenBytes()] }

// Values is the same for values.
func (l *Live) Values() []byte { return l.memory[l.half : l.half+l.tokens*l.shape.TokenBytes()] }

// most is how many tokens one call has.
const most = codec.MaxVectors / 4

// Direct is how code that is not Go makes the step's RoundTrip: nil where only [Live.RoundTrip] can. The message names
// the layer so many times, see codec.LayerAt.
func (l *Live) Direct() (d *codec.Direct, message []byte, layers int, err error) {
	if l.direct == nil || len(l.keys) == 0 || len(l.keys) > most {
		return nil, nil, 0, nil
	}
	l.both = append(append(l.both[:0], l.keys...), l.values...)
	var ok bool
	l.message, ok, err = l.direct.RoundTrip(l.message[:0], l.both...)
	if err != nil || !ok {
		return nil, nil, 0, err
	}
	return l.direct, l.message, len(l.both), nil
}

// RoundTrip passes a layer through the codec.
func (l *Live) RoundTrip(layer int) error {
	for from := 0; from < len(l.keys); from += most {
		to := min(from+most, len(l.keys))
		l.both = l.both[:0]
		for i := from; i < to; i++ {
			l.keys[i].Layer, l.values[i].Layer = layer, layer
		}
		l.both = append(append(l.both, l.keys[from:to]...), l.values[from:to]...)
		if err := l.stream.RoundTrip(context.Background(), l.both...); err != nil {
			return fmt.Errorf("codec, layer %d: %w", layer, err)
		}
	}
	return nil
}
