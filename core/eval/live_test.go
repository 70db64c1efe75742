package eval

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	backendfake "github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	codecfake "github.com/kakeyad/kakeyad/core/plugin/codec/fake"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// The shape of the cache of live.
const (
	layers  = 3
	kvHeads = 2
	headDim = 8
)

// live is the fake backend with a cache whose vectors pass through a bound codec as they would in
// mode live, the first token and the layers within the boundary excepted. The error of what comes
// back moves the distributions.
type live struct {
	backend.Backend
	linked *codec.Linked
	stream codec.Stream
	bound  int
}

func (b *live) LoadModel(ctx context.Context, req backend.LoadRequest, progress func(backend.LoadProgress)) (backend.ModelInfo, error) {
	l := req.Bindings.Codec
	req.Bindings.Codec = nil
	cache := req.Options.Cache
	if l != nil {
		req.Options.Cache = backend.CacheOptions{}
	}
	info, err := b.Backend.LoadModel(ctx, req, progress)
	info.Layers, info.KVHeads, info.HeadDim = layers, kvHeads, headDim
	info.Memory.KVBytesPerToken = 2 * layers * 2 * kvHeads * headDim
	info.Options.KVTypeK, info.Options.KVTypeV = backend.DefaultKVType, backend.DefaultKVType
	if err != nil || l == nil {
		return info, err
	}
	if cache.Mode != backend.CacheLive || cache.ParkAfter != 0 {
		return info, fmt.Errorf("cache %+v: %w", cache, base.ErrInvalid)
	}
	info.Options.Cache, _ = cache.Resolve(true)
	if b.linked, err = codec.Dial(ctx, link.Ticket{Address: l.Address, Secret: l.Secret}, link.Options{Memory: 4 << 20}); err != nil {
		return info, err
	}
	b.bound = int(l.Params[backend.ParamBoundary][0] - '0')
	shape := codec.Shape{Layers: layers, KVHeads: kvHeads, HeadDim: headDim, Type: codec.F32}
	b.stream, err = b.linked.Open(ctx, shape, nil)
	return info, err
}

func (b *live) UnloadModel(ctx context.Context, id backend.ModelID) error {
	if b.linked != nil {
		_ = b.linked.Close()
		b.linked, b.stream = nil, nil
	}
	return b.Backend.UnloadModel(ctx, id)
}

// vectorsOf are the keys and values of tokens from first on, drawn by what they are.
func vectorsOf(tokens []backend.Token, first, from, to int) []codec.Vectors {
	var out []codec.Vectors
	for layer := from; layer < to; layer++ {
		for _, part := range []codec.Part{codec.Key, codec.Value} {
			v := codec.Vectors{Layer: layer, Part: part, Pos: first, Tokens: len(tokens) - first}
			for pos, token := range tokens[first:] {
				rng := rand.New(rand.NewPCG(uint64(token), uint64(1000*layer+10*pos)+uint64(part)))
				for range kvHeads * headDim {
					v.Data = binary.LittleEndian.AppendUint32(v.Data, math.Float32bits(float32(rng.NormFloat64())))
				}
			}
			out = append(out, v)
		}
	}
	return out
}

func (b *live) Score(ctx context.Context, req backend.ScoreRequest) (backend.ScoreResult, error) {
	noise := float32(0)
	if b.stream != nil {
		v := vectorsOf(req.Tokens[:len(req.Tokens)-1], 1, b.bound, layers-b.bound)
		given := vectorsOf(req.Tokens[:len(req.Tokens)-1], 1, b.bound, layers-b.bound)
		// In pieces, as steps of a backend bring them.
		for i := range v {
			half := v[i]
			half.Tokens /= 2
			cut := half.Tokens * 4 * kvHeads * headDim
			rest := v[i]
			rest.Pos, rest.Tokens = rest.Pos+half.Tokens, rest.Tokens-half.Tokens
			half.Data, rest.Data = v[i].Data[:cut], v[i].Data[cut:]
			if err := b.stream.RoundTrip(ctx, half, rest); err != nil {
				return backend.ScoreResult{}, err
			}
		}
		for i := range v {
			x, y := make([]float32, len(v[i].Data)/4), make([]float32, len(v[i].Data)/4)
			codec.F32.Load(x, given[i].Data)
			codec.F32.Load(y, v[i].Data)
			for j := range x {
				noise += (x[j] - y[j]) * (x[j] - y[j])
			}
		}
	}
	told := req.Distribution
	req.Distribution = func(l backend.Levels) error {
		for i := range l {
			if i%2 == 1 && noise > 0 {
				l[i] = uint16(min(int(l[i])+100, math.MaxUint16))
			}
		}
		return told(l)
	}
	return b.Backend.Score(ctx, req)
}

// plugins are a live backend and the fake codec, in this process.
type plugins struct {
	backend *live
	server  *codec.Server
	proxy   codec.Proxy
}

type proxy struct {
	codec.Codec
	codec.Linker
}

func newPlugins(t *testing.T, mode string) *plugins {
	c := codecfake.New(codecfake.Config{Mode: mode})
	p := &plugins{backend: &live{Backend: backendfake.New(backendfake.Config{})}, server: codec.NewServer(c, nil)}
	p.proxy = proxy{c, p.server}
	t.Cleanup(func() { require.NoError(t, p.server.Close()) })
	return p
}

func (p *plugins) Backend(context.Context, string) (backend.Backend, error) { return p.backend, nil }
func (p *plugins) Codec(context.Context, string) (codec.Proxy, error)       { return p.proxy, nil }

// set has a model and its channels with the fake codec.
func set(t *testing.T) *channel.Set {
	t.Helper()
	file := filepath.Join(t.TempDir(), "model.gguf")
	require.NoError(t, os.WriteFile(file, []byte("any file is a model"), 0o600))
	s, err := channel.Compose(channel.Input{
		Models:    map[string]channel.Model{"tiny": {Path: file, Profile: "none"}},
		Known:     channel.Known{Codecs: []string{"fake"}},
		OnRequest: true,
	})
	require.NoError(t, err)
	return s
}

func resolve(t *testing.T, s *channel.Set, name string) *channel.Channel {
	t.Helper()
	c, err := s.Resolve(name)
	require.NoError(t, err)
	return c
}

var story = Text{Name: "story", Body: strings.Repeat("Once upon a time there was a house, and in it lived a cat. ", 40)}

func TestRunMeasuresACodec(t *testing.T) {
	s := set(t)
	var seen []Progress
	report, err := Run(t.Context(), Options{
		Plugins: newPlugins(t, "int8"), Baseline: resolve(t, s, "tiny"),
		Channels: []*channel.Channel{resolve(t, s, "tiny@fake-q7"), resolve(t, s, "tiny@fake-q7-b1"), resolve(t, s, "tiny")},
		Texts:    []Text{story}, Context: 130, Windows: 2, Version: "test",
		Progress: func(p Progress) { seen = append(seen, p) },
	})
	require.NoError(t, err)
	require.Len(t, report.Results, 3)
	assert.Equal(t, "tiny", report.Results[0].Channel)
	assert.Equal(t, 2*129, report.Tokens)
	assert.Equal(t, []Used{{Name: "story", SHA256: story.sum(), Windows: 2, Tokens: 2 * 129}}, report.Texts)

	base := report.Results[0]
	assert.Zero(t, base.Delta)
	assert.Zero(t, base.KL.Value)
	assert.InDelta(t, 100, base.Top1.Value, 0)
	assert.InDelta(t, 16, base.BitsPerElement, 0)
	assert.Nil(t, base.Codec)

	packed := report.Results[1]
	assert.InDelta(t, base.Perplexity.Value, packed.Perplexity.Value, 0, "the fake's log-probabilities stay")
	assert.Greater(t, packed.KL.Value, 0.0)
	c := packed.Codec
	require.NotNil(t, c)
	assert.InDelta(t, 128.0/129, c.Share, 1e-12, "all but the first token of a window")
	assert.InDelta(t, frameBits(t), c.Bits, 1e-9)
	assert.Len(t, c.SNR, layers)
	for _, l := range c.SNR {
		assert.InDelta(t, 45, *l.K, 8, "eight bits") // 8-bit integers with a scale a vector
		assert.InDelta(t, 45, *l.V, 8, "eight bits")
	}
	exact := 2.0 * layers * 2 * kvHeads * headDim // bytes
	assert.InDelta(t, (128*c.Bits/16*exact+exact)/129, packed.BytesPerToken, 1e-6)
	assert.InDelta(t, 16*packed.BytesPerToken/exact, packed.BitsPerElement, 1e-9)

	bounded := report.Results[2]
	assert.Equal(t, 1, bounded.Codec.Boundary)
	assert.Len(t, bounded.Codec.SNR, layers-2)
	assert.InDelta(t, 128.0/129/3, bounded.Codec.Share, 1e-12)
	assert.Greater(t, bounded.BytesPerToken, packed.BytesPerToken)

	last := seen[len(seen)-1]
	assert.Equal(t, Progress{Channel: "tiny@fake-q7-b1", Number: 3, Of: 3, Tokens: 258, Size: 258}, last)
}

// frameBits packs the windows of TestRunMeasuresACodec by hand: 128 vectors from position 1 on, in
// pages of 64 positions.
func frameBits(t *testing.T) float64 {
	t.Helper()
	c := codecfake.New(codecfake.Config{Mode: "int8"})
	shape := codec.Shape{Layers: layers, KVHeads: kvHeads, HeadDim: headDim, Type: codec.F32}
	s, err := c.Open(t.Context(), shape, nil)
	require.NoError(t, err)
	defer s.Close()
	tokens := make([]backend.Token, 129)
	bytes, elements := 0, 0
	for _, page := range [][2]int{{1, 64}, {64, 128}, {128, 129}} {
		v := vectorsOf(tokens[:page[1]], page[0], 0, layers)
		frame, err := s.Encode(t.Context(), nil, v...)
		require.NoError(t, err)
		bytes += len(frame)
		for i := range v {
			elements += v[i].Tokens * shape.TokenElements()
		}
	}
	return 8 * float64(bytes) / float64(elements)
}

func TestAnIdentityCodecChangesNothing(t *testing.T) {
	s := set(t)
	report, err := Run(t.Context(), Options{
		Plugins: newPlugins(t, "none"), Baseline: resolve(t, s, "tiny"), Channels: []*channel.Channel{resolve(t, s, "tiny@fake-q1")},
		Texts: []Text{story}, Context: 64, Windows: 1,
	})
	require.NoError(t, err)
	x := report.Results[1]
	assert.Zero(t, x.KL.Value)
	assert.Nil(t, x.Codec.SNR[0].K)
	assert.Greater(t, x.Codec.Bits, 32.0, "f32 as it is, and a header")
}

func TestRunRefuses(t *testing.T) {
	s := set(t)
	good := Options{Plugins: newPlugins(t, "none"), Baseline: resolve(t, s, "tiny"), Texts: []Text{story}, Context: 64}
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"no text", func(o *Options) { o.Texts = nil }, "no text"},
		{"an empty text", func(o *Options) { o.Texts = []Text{{Name: "nothing"}} }, "nothing is empty"},
		{"windows of one token", func(o *Options) { o.Context = 1 }, "windows of 1"},
		{"a place for files that is none", func(o *Options) { o.TempDir = filepath.Join(t.TempDir(), "none") }, "baseline's distributions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := good
			c.change(&o)
			_, err := Run(t.Context(), o)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := set(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := newPlugins(t, "int8")
	_, err := Run(ctx, Options{
		Plugins: p, Baseline: resolve(t, s, "tiny"), Channels: []*channel.Channel{resolve(t, s, "tiny@fake-q7")},
		Texts: []Text{story}, Context: 64,
		Progress: func(p Progress) {
			if p.Number == 2 && p.Tokens == 10 {
				cancel()
			}
		},
	})
	require.ErrorIs(t, err, context.Canceled)
	_, err = p.backend.Stats(t.Context(), "eval/tiny@fake-q7")
	require.ErrorIs(t, err, backend.ErrModelNotLoaded, "the model is let go")
}
