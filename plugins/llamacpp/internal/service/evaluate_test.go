package service_test

import (
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/service"
)

func embed(t testing.TB, s *service.Service, normalize bool, texts ...string) [][]float32 {
	t.Helper()
	req := backend.EmbedRequest{Model: "m", Normalize: normalize}
	for _, text := range texts {
		req.Inputs = append(req.Inputs, backend.Prompt{Text: text, AddSpecial: true})
	}
	r, err := s.Embed(t.Context(), req)
	require.NoError(t, err)
	require.Len(t, r.Vectors, len(texts))
	return r.Vectors
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestEmbed(t *testing.T) {
	for name, path := range map[string]string{"SmolLM2": testmodel.SmolLM2(t), "Gemma3": testmodel.Gemma3(t)} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			info := load(t, s, path, oneThread)
			v := embed(t, s, true, "The cat sat on the mat.", "A cat was sitting on a mat.", "Interest rates rose by two percent.")
			require.Len(t, v[0], info.Embedding)
			require.InDelta(t, 1, cosine(v[0], v[0]), 1e-6)
			require.Greater(t, cosine(v[0], v[1]), cosine(v[0], v[2]), "alike texts must be closer")
			require.InDelta(t, 1, cosine(v[0], embed(t, s, false, "The cat sat on the mat.")[0]), 1e-4)
		})
	}
}

// TestEmbedLong embeds a text of several steps.
func TestEmbedLong(t *testing.T) {
	s := newService(t)
	load(t, s, testmodel.SmolLM2(t), oneThread)
	long := ""
	for range 10 {
		long += story + " "
	}
	require.Greater(t, len(tokenize(t, s, long)), 300)
	require.Greater(t, cosine(embed(t, s, true, long)[0], embed(t, s, true, story)[0]), 0.8)
}

// TestEmbedBesideGenerate checks that embedding does not disturb a generation that is under way.
func TestEmbedBesideGenerate(t *testing.T) {
	s := newService(t)
	load(t, s, testmodel.SmolLM2(t), oneThread)
	alone := generate(t, s, greedy(story, 40))
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 5 {
			embed(t, s, true, "Something else.")
		}
	})
	beside := generate(t, s, greedy(story, 40))
	wg.Wait()
	same(t, s, story, alone.tokens, beside.tokens)
}

// TestScoreAgreesWithGenerate scores what was generated.
func TestScoreAgreesWithGenerate(t *testing.T) {
	for name, path := range map[string]string{"SmolLM2": testmodel.SmolLM2(t), "Gemma3": testmodel.Gemma3(t)} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			load(t, s, path, oneThread)
			req := greedy(story, 16)
			req.Logprobs = true
			a := generate(t, s, req)
			require.Len(t, a.logprobs, len(a.tokens))
			prompt := tokenize(t, s, story)
			scored := score(t, s, append(prompt, a.tokens...))[len(prompt)-1:]
			for i, p := range a.logprobs {
				require.Equal(t, p.Token, scored[i].Token)
				require.InDelta(t, p.Logprob, scored[i].Logprob, nearTie)
			}
		})
	}
}
