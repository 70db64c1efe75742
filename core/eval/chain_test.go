package eval

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	backendfake "github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	codecfake "github.com/kakeyad/kakeyad/core/plugin/codec/fake"
)

// leaning packs a layer finely where all layers before it are in the call, as one that is predicted from them, and
// coarsely where not.
type leaning struct {
	codec.Codec
	lies bool // Decode gives something else
}

func (c leaning) Open(ctx context.Context, shape codec.Shape, _ codec.Params) (codec.Stream, error) {
	s, err := c.Codec.Open(ctx, shape, nil)
	return leaningStream{s, shape, c.lies}, err
}

type leaningStream struct {
	codec.Stream // keeps vectors as they are
	shape        codec.Shape
	lies         bool
}

func (s leaningStream) Describe() codec.Description {
	d := s.Stream.Describe()
	d.Params = codec.Params{formParam: formPage}
	return d
}

func (s leaningStream) RoundTrip(_ context.Context, v ...codec.Vectors) error {
	there := map[someTokens]map[int]bool{}
	for _, x := range v {
		key := someTokens{x.Pos, x.Tokens}
		if there[key] == nil {
			there[key] = map[int]bool{}
		}
		there[key][x.Layer] = true
	}
	for _, x := range v {
		step := 1.0 / 64
		if x.Tokens < 20 { // as one that looks at a page's tokens together
			step = 1.0 / 32
		}
		for layer := range x.Layer {
			if !there[someTokens{x.Pos, x.Tokens}][layer] {
				step = 1.0 / 4
			}
		}
		y := make([]float32, len(x.Data)/4)
		s.shape.Type.Load(y, x.Data)
		for i := range y {
			y[i] = float32(math.Round(float64(y[i])/step) * step)
		}
		s.shape.Type.Store(x.Data, y)
	}
	return nil
}

func (s leaningStream) Encode(ctx context.Context, dst []byte, v ...codec.Vectors) ([]byte, error) {
	packed := copies(v)
	if err := s.RoundTrip(ctx, packed...); err != nil {
		return dst, err
	}
	return s.Stream.Encode(ctx, dst, packed...)
}

func (s leaningStream) Decode(ctx context.Context, frame []byte, v ...codec.Vectors) error {
	err := s.Stream.Decode(ctx, frame, v...)
	if s.lies {
		v[len(v)-1].Data[0] ^= 1
	}
	return err
}

func runLeaning(t *testing.T, lies bool) (*Report, error) {
	c := leaning{codecfake.New(codecfake.Config{Mode: codecfake.ModeNone}), lies}
	p := &plugins{backend: &live{Backend: backendfake.New(backendfake.Config{})}, server: codec.NewServer(c, nil)}
	p.proxy = proxy{c, p.server}
	t.Cleanup(func() { require.NoError(t, p.server.Close()) })
	s := set(t)
	return Run(t.Context(), Options{
		Plugins: p, Baseline: resolve(t, s, "tiny"), Channels: []*channel.Channel{resolve(t, s, "tiny@fake-q1")},
		Texts: []Text{story}, Context: 150, Windows: 2,
	})
}

// Layers come one after another in mode live; a codec that predicts one from others gets those too.
func TestLayersAreMeasuredAsInAPage(t *testing.T) {
	report, err := runLeaning(t, false)
	require.NoError(t, err)
	c := report.Results[1].Codec
	require.Len(t, c.SNR, layers)
	const fine = 46 // dB, of N(0,1) in steps of 1/64
	for _, l := range c.SNR {
		assert.InDelta(t, fine, *l.K, 2, "layer %d", l.Layer)
		assert.InDelta(t, fine, *l.V, 2, "layer %d", l.Layer)
	}
}

func TestFramesAreHeldToWhatAttentionRead(t *testing.T) {
	_, err := runLeaning(t, true)
	require.ErrorIs(t, err, base.ErrCorrupt)
	require.ErrorContains(t, err, "what attention read of layer 2")
}

// A page that came in several steps, and is packed in another way as a whole, is packed in those.
func TestPagesThatCameInParts(t *testing.T) {
	shape := codec.Shape{Layers: layers, KVHeads: kvHeads, HeadDim: headDim, Type: codec.F32}
	s, err := leaning{Codec: codecfake.New(codecfake.Config{Mode: codecfake.ModeNone})}.Open(t.Context(), shape, nil)
	require.NoError(t, err)
	defer s.Close()
	c := &chains{Stream: s, tapped: &tapped{shape: shape}, before: map[someTokens][]codec.Vectors{}}
	tokens := make([]backend.Token, pageTokens)
	given, read := newPages(), newPages()
	for _, step := range [][2]int{{0, 10}, {10, pageTokens}} {
		for _, v := range vectorsOf(tokens[:step[1]], step[0], 0, layers) {
			given.add(c.tapped, copies([]codec.Vectors{v})[0])
			require.NoError(t, c.RoundTrip(t.Context(), v))
			read.add(c.tapped, v)
		}
	}
	whole, came := given.of(c.tapped)[0], read.of(c.tapped)[0]
	frame, err := s.Encode(t.Context(), nil, whole...)
	require.NoError(t, err)
	require.ErrorIs(t, c.check(t.Context(), frame, came), base.ErrCorrupt, "the first ten tokens were read more coarsely")
	frame, err = c.pack(t.Context(), whole, came)
	require.NoError(t, err)
	require.NoError(t, c.check(t.Context(), frame, c.parts(came)))

	came[0].Data[0] ^= 1
	_, err = c.pack(t.Context(), whole, came)
	require.ErrorIs(t, err, base.ErrCorrupt)
}
