package demo

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/bench/peercodec"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/fault"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

func request() Request {
	return Request{Variant: "e8", Q: 10, Dim: 64, Count: 64, Source: SourceNormal, Seed: 1}
}

// What is shown is the codec's: the points are of the lattice and in the box, the nearest to where the vector is, and
// the decoded vector is step·(z·R).
func TestShowFollowsTheCodec(t *testing.T) {
	for _, variant := range []string{"e8", "d4"} {
		r := request()
		r.Variant, r.Vector, r.Count = variant, 3, 4
		v, err := Show(r)
		require.NoError(t, err)
		require.Len(t, v.X, r.Dim)
		blocks := r.Dim / map[string]int{"e8": 8, "d4": 4}[variant]
		require.Len(t, v.Pairs, min(maxPairs, blocks*r.Count))
		assert.InDelta(t, energy(v.X), energy(v.Rotated), 1e-3*energy(v.X), "R is orthonormal")
		for _, pair := range v.Pairs {
			for i := range 2 {
				assert.InDelta(t, pair[i], pair[2+i], 1.01, "no lattice point is farther in one coordinate")
				assert.LessOrEqual(t, math.Abs(float64(pair[2+i])), float64(r.Q))
				assert.Zero(t, math.Mod(float64(2*pair[2+i]), 1))
			}
		}
		assert.Greater(t, v.SNR, 15.0)
		assert.InDelta(t, v.SNR, snr(v.X, v.Decoded), 1e-9)
	}
}

// Bits are those that the frames take, and the lattice does better than scalars of as many.
func TestLatticeBeatsScalarsOfTheSameBits(t *testing.T) {
	for _, q := range []int{4, 10, 38} {
		r := request()
		r.Q, r.Count = q, 512
		v, err := Show(r)
		require.NoError(t, err)
		pages, fixed, scalar, turned := v.Same[0], v.Same[1], v.Same[3], v.Same[4]
		assert.Less(t, pages.Bits, fixed.Bits)
		assert.InDelta(t, fixed.SNR, pages.SNR, 1e-9, "the same points, other bytes")
		assert.LessOrEqual(t, scalar.Bits, pages.Bits)
		assert.Greater(t, pages.SNR, scalar.SNR)
		assert.Greater(t, pages.SNR, turned.SNR)
	}
}

func TestRotationHelpsScalarsOfLoudChannels(t *testing.T) {
	r := request()
	r.Source = SourceChannels
	v, err := Show(r)
	require.NoError(t, err)
	assert.Greater(t, v.Same[4].SNR, v.Same[3].SNR+3)
}

func TestCurvesRise(t *testing.T) {
	for _, source := range []string{SourceNormal, SourceHeavy, SourceChannels, SourceSmooth} {
		r := request()
		r.Source = source
		curves, err := Curves(r)
		require.NoError(t, err)
		for _, c := range curves {
			require.NotEmpty(t, c.Points, c.Name)
			for i, p := range c.Points[1:] {
				assert.Greater(t, p.Bits, c.Points[i].Bits, "%s %s", c.Name, p.Name)
				assert.Greater(t, p.SNR, c.Points[i].SNR, "%s %s", c.Name, p.Name)
			}
		}
		_, err = json.Marshal(curves)
		require.NoError(t, err)
	}
}

// The formats of ggml are those that kakeyad eval measures.
func TestScalarFormatsAreGGMLs(t *testing.T) {
	for source, channels := range map[string]int{SourceNormal: 0, SourceHeavy: 0, SourceChannels: 4} {
		x, err := Vectors(source, 32, 64, uint64(channels), nil)
		require.NoError(t, err)
		for bits, f := range map[string]func(y, x []float32) float64{"8": q8, "4": q4} {
			s, err := peercodec.New("ggml", peercodec.None, peercodec.Even).Open(t.Context(), codec.Shape{Layers: 1, KVHeads: 1, HeadDim: 64, Type: codec.F32}, codec.Params{"q": bits})
			require.NoError(t, err)
			want, got := roundTrip(t, s, x), make([]float32, len(x))
			f(got, x)
			assert.Equal(t, want, got, "q%s_0 of %s", bits, source)
			require.NoError(t, s.Close())
		}
	}
}

func roundTrip(t *testing.T, s codec.Stream, x []float32) []float32 {
	t.Helper()
	out := append([]float32(nil), x...)
	require.NoError(t, s.RoundTrip(context.Background(), codec.Vectors{Part: codec.Key, Tokens: len(x) / 64, Data: bytesOf(out)}))
	return out
}

func TestDrawnVectors(t *testing.T) {
	r := request()
	r.Source, r.Drawn = SourceDrawn, make([]float32, r.Dim)
	v, err := Show(r)
	require.NoError(t, err, "a flat line is a curve")
	assert.Zero(t, v.Step)
	for i := range r.Drawn {
		r.Drawn[i] = float32(math.Sin(float64(i) / 5))
	}
	v, err = Show(r)
	require.NoError(t, err)
	assert.Equal(t, r.Drawn, v.X, "the first is the curve itself")
}

func TestBadRequests(t *testing.T) {
	for name, spoil := range map[string]func(r *Request){
		"variant": func(r *Request) { r.Variant = "a2" },
		"q":       func(r *Request) { r.Q = lattice.MaxQ + 1 },
		"dim":     func(r *Request) { r.Dim = 0 },
		"count":   func(r *Request) { r.Count = MaxCount + 1 },
		"source":  func(r *Request) { r.Source = "dreams" },
		"drawn":   func(r *Request) { r.Source, r.Drawn = SourceDrawn, []float32{1} },
		"vector":  func(r *Request) { r.Vector = r.Count },
		"nan": func(r *Request) {
			r.Source, r.Drawn = SourceDrawn, append(make([]float32, r.Dim-1), float32(math.NaN()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := request()
			spoil(&r)
			_, err := Show(r)
			require.ErrorIs(t, err, fault.ErrInvalid)
		})
	}
}
