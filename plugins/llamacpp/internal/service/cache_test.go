package service_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/service"
)

// TestKVTypes loads a model with each type of cache, K and V apart, and holds the bytes against
// what the formats say and the log-probability of a text against that of f16.
func TestKVTypes(t *testing.T) {
	bytesPer32 := map[string]float64{"f16": 64, "q8_0": 34, "q4_0": 18}
	for _, model := range []struct {
		name, path string
		kvWidth    int // numbers of one K or V of a token, all layers
	}{
		{"SmolLM2", testmodel.SmolLM2(t), 30 * 3 * 64},
		{"Gemma3", testmodel.Gemma3(t), 18 * 1 * 256},
	} {
		t.Run(model.name, func(t *testing.T) {
			var reference float64
			for _, kv := range []struct {
				k, v string
				drop float64 // most that the mean log-probability may differ
			}{
				{"f16", "f16", 0}, {"q8_0", "q8_0", 0.1}, {"q8_0", "f16", 0.1}, {"f16", "q4_0", 0.5}, {"q4_0", "q4_0", 1.5},
			} {
				t.Run(kv.k+"-"+kv.v, func(t *testing.T) {
					s := newService(t)
					o := oneThread
					o.KVTypeK, o.KVTypeV = kv.k, kv.v
					info := load(t, s, model.path, o)
					want := float64(model.kvWidth) / 32 * (bytesPer32[kv.k] + bytesPer32[kv.v])
					require.EqualValues(t, want, info.Memory.KVBytesPerToken)
					require.EqualValues(t, want*1024, info.Memory.KV)
					got := mean(score(t, s, tokenize(t, s, story)))
					if reference == 0 {
						reference = got
					}
					require.InDelta(t, reference, got, kv.drop, "mean log-probability")
				})
			}
		})
	}
}

func TestQuantizedValuesNeedFlashAttention(t *testing.T) {
	s := newService(t)
	_, err := s.LoadModel(t.Context(), backend.LoadRequest{ID: "m", Path: testmodel.SmolLM2(t), Options: backend.LoadOptions{
		KVTypeV: "q8_0", Extra: map[string]string{"flash_attn": "off"},
	}}, nil)
	require.ErrorIs(t, err, base.ErrInvalid)
	require.ErrorContains(t, err, "flash attention")
}

// TestPrefixReuse asks the same with an empty cache, again, and in a conversation that goes on.
func TestPrefixReuse(t *testing.T) {
	for name, path := range map[string]string{"SmolLM2": testmodel.SmolLM2(t), "Gemma3": testmodel.Gemma3(t)} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			load(t, s, path, oneThread)
			cold := generate(t, s, greedy(story, 12))
			warm := generate(t, s, greedy(story, 12))
			require.Zero(t, cold.prompt.Cached)
			require.Equal(t, warm.prompt.Tokens-1, warm.prompt.Cached)
			same(t, s, story, cold.tokens, warm.tokens)
			longer := generate(t, s, greedy(story+" And so", 4))
			require.GreaterOrEqual(t, longer.prompt.Cached, cold.prompt.Tokens-1)
		})
	}
}

// same requires that two greedy answers are equal, or part where the model itself is undecided:
// that is shown by the log-probabilities of both tokens after the common beginning.
func same(t *testing.T, s *service.Service, prompt string, a, b []backend.Token) {
	t.Helper()
	for i := range min(len(a), len(b)) {
		if a[i] == b[i] {
			continue
		}
		before := append(tokenize(t, s, prompt), a[:i]...)
		last := func(token backend.Token) float32 {
			scored := score(t, s, append(slices.Clone(before), token))
			return scored[len(scored)-1].Logprob
		}
		gap := last(a[i]) - last(b[i])
		require.InDelta(t, 0, gap, nearTie, "token %d is %d in one answer and %d in the other", i, a[i], b[i])
		t.Logf("answers part at token %d: a near tie, %.3f apart", i, gap)
		return
	}
	require.Equal(t, len(a), len(b))
}
