package eval

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// tap is a codec that passes all calls on to another, and keeps what a window's RoundTrips were
// given and gave back. It is safe for concurrent use.
type tap struct {
	codec.Codec // the real one

	mu      sync.Mutex
	streams []*tapped
	window  *pages // what was given in the window under way; nil: none is
	read    *pages // what came back, of streams with chains
	counts  counts
}

// counts are what all windows came to.
type counts struct {
	elements   int64 // that the codec was given
	pagesBytes int64 // of frames as the channel has them
	fixedBytes int64 // of frames of fixed records
	layers     []layerEnergy
}

// layerEnergy is the squares of a layer's vectors and of what the codec lost of them; keys first.
type layerEnergy struct{ signal, noise [2]float64 }

// The codec's parameter that says how points become bytes, and its value for records of equal size.
const (
	codingParam = "coding"
	codingFixed = "fixed"
)

// Open implements [codec.Codec].
func (t *tap) Open(ctx context.Context, shape codec.Shape, params codec.Params) (codec.Stream, error) {
	s, err := t.Codec.Open(ctx, shape, params)
	if err != nil {
		return nil, err
	}
	stream := &tapped{Stream: s, tap: t, shape: shape}
	if s.Describe().Params[formParam] == formPage {
		stream.chains = &chains{Stream: s, tapped: stream, before: map[someTokens][]codec.Vectors{}}
		stream.Stream = stream.chains
	}
	if stream.fixed, err = t.openFixed(ctx, shape, s.Describe().Params); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.streams = append(t.streams, stream)
	t.counts.layers = append(t.counts.layers, make([]layerEnergy, max(0, shape.Layers-len(t.counts.layers)))...)
	return stream, nil
}

// openFixed opens the fixed form of a codec that has another. Nil: there is none.
func (t *tap) openFixed(ctx context.Context, shape codec.Shape, params codec.Params) (codec.Stream, error) {
	if c := params[codingParam]; c == "" || c == codingFixed {
		return nil, nil
	}
	fixed := maps.Clone(params)
	fixed[codingParam] = codingFixed
	s, err := t.Codec.Open(ctx, shape, fixed)
	if isInvalid(err) {
		return nil, nil // this scaling has no fixed form
	}
	return s, err
}

// begin starts a window.
func (t *tap) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.window, t.read = newPages(), newPages()
	for _, s := range t.streams {
		if s.chains != nil {
			s.chains.reset()
		}
	}
}

// end packs the window's vectors and counts.
func (t *tap) end(ctx context.Context) error {
	t.mu.Lock()
	window, read := t.window, t.read
	t.window, t.read = nil, nil
	streams := t.streams
	t.mu.Unlock()
	for _, s := range streams {
		if err := s.pack(ctx, window, read); err != nil {
			return err
		}
	}
	return nil
}

// params are those of the codec's stream, as it resolved them.
func (t *tap) params() codec.Params {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.streams) == 0 {
		return nil
	}
	return t.streams[0].Describe().Params
}

// result is what was counted so far.
func (t *tap) result() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts
	c.layers = append([]layerEnergy(nil), c.layers...)
	return c
}

// tapped is a stream of a tap.
type tapped struct {
	codec.Stream
	tap   *tap
	shape codec.Shape
	fixed codec.Stream // nil: the codec has no such form

	chains *chains // what Stream is; nil: the codec packs every layer for itself
}

// RoundTrip implements [codec.Stream].
func (s *tapped) RoundTrip(ctx context.Context, v ...codec.Vectors) error {
	given := copies(v)
	if err := s.Stream.RoundTrip(ctx, v...); err != nil {
		return err
	}
	s.tap.note(s, given, v)
	return nil
}

// note keeps what a call was given and counts what it lost.
func (t *tap) note(s *tapped, given, got []codec.Vectors) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.window == nil {
		return
	}
	for i := range given {
		t.window.add(s, given[i])
		if s.chains != nil {
			read := got[i]
			read.Data = bytes.Clone(read.Data)
			t.read.add(s, read)
		}
		n := given[i].Tokens * s.shape.TokenElements()
		t.counts.elements += int64(n)
		x, y := make([]float32, n), make([]float32, n)
		s.shape.Type.Load(x, given[i].Data)
		s.shape.Type.Load(y, got[i].Data)
		signal, noise := 0.0, 0.0
		for j := range x {
			d := float64(x[j]) - float64(y[j])
			signal += float64(x[j]) * float64(x[j])
			noise += d * d
		}
		e := &t.counts.layers[given[i].Layer]
		part := given[i].Part - codec.Key
		e.signal[part] += signal
		e.noise[part] += noise
	}
}

// pack has the codec pack all that the stream was given in a window, of which attention read what is in read.
func (s *tapped) pack(ctx context.Context, window, read *pages) error {
	var pagesBytes, fixedBytes int64
	came := read.of(s)
	for i, v := range window.of(s) {
		var frame []byte
		var err error
		if s.chains != nil {
			frame, err = s.chains.pack(ctx, v, came[i])
		} else {
			frame, err = s.Encode(ctx, nil, v...)
		}
		if err != nil {
			return err
		}
		pagesBytes += int64(len(frame))
		if s.fixed == nil {
			continue
		}
		if frame, err = s.fixed.Encode(ctx, nil, v...); err != nil {
			return err
		}
		fixedBytes += int64(len(frame))
	}
	s.tap.mu.Lock()
	defer s.tap.mu.Unlock()
	s.tap.counts.pagesBytes += pagesBytes
	s.tap.counts.fixedBytes += fixedBytes
	return nil
}

// Close implements [codec.Stream].
func (s *tapped) Close() error {
	err := s.Stream.Close()
	if s.fixed != nil {
		err = errors.Join(err, s.fixed.Close())
	}
	return err
}
