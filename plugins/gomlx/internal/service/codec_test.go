package service_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/internal/testcodec"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
)

// TestCodecModes loads a model with a codec that acts live, and with one whose cache stays packed: both go on with a text as sure as a city, and
// the packed cache takes little more than half. With a codec that does not say how it packs the cache is parked instead.
func TestCodecModes(t *testing.T) {
	s := newService(t)
	codecs := map[string]*testcodec.Plugin{"e8": testcodec.Start(t, testcodec.E8), "fake": testcodec.Start(t, testcodec.Fake)}
	texts, bytes := map[string]string{}, map[string]int64{}
	for _, tc := range []struct{ codec, mode, does string }{
		{"e8", backend.CacheParked, backend.CacheParked},
		{"e8", backend.CacheLive, backend.CacheLive},
		{"e8", backend.CacheResident, backend.CacheResident},
		{"fake", backend.CacheResident, backend.CacheParked},
	} {
		t.Run(tc.codec+" "+tc.mode, func(t *testing.T) {
			o := options(t)
			o.Context, o.Batch, o.Parallel = 256, 8, 1
			o.Cache.Mode = tc.mode
			params := map[string]string{"q": "38"}
			if tc.codec == "fake" {
				params = map[string]string{"mode": "none"}
			}
			info, err := s.LoadModel(t.Context(), backend.LoadRequest{ID: "m", Path: testmodel.SmolLM2(t), Options: o,
				Bindings: backend.Bindings{Codec: codecs[tc.codec].Link(t, params)}}, nil)
			require.NoError(t, err)
			require.Equal(t, tc.does, info.Options.Cache.Mode)
			if tc.codec == "e8" {
				bytes[tc.mode] = info.Memory.KVBytesPerToken
			}
			var text string
			require.NoError(t, s.Generate(t.Context(), backend.GenerateRequest{
				Model: "m", Prompt: backend.Prompt{Text: "The capital of France is", AddSpecial: true}, MaxTokens: 2,
			}, func(e backend.Event) error {
				text += e.Text
				return nil
			}))
			texts[tc.codec+tc.mode] = text
			require.NoError(t, s.UnloadModel(t.Context(), "m"))
		})
	}
	require.Equal(t, texts["e8"+backend.CacheLive], texts["e8"+backend.CacheResident])
	require.Contains(t, texts["e8"+backend.CacheLive], "Paris")
	// 12,240 of 23,040 bytes, and in so small a cache an eighth again for the cells of first tokens.
	require.Less(t, bytes[backend.CacheResident], bytes[backend.CacheParked]*7/10)
}
