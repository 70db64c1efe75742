package service_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/service"
)

// answer is what a Generate call said, put together.
type answer struct {
	text     string
	tokens   []backend.Token
	logprobs []backend.TokenLogprob
	prompt   backend.PromptInfo
	final    backend.Final
}

func generate(t testing.TB, s *service.Service, req backend.GenerateRequest) answer {
	t.Helper()
	a, err := tryGenerate(t.Context(), s, req)
	require.NoError(t, err)
	return a
}

func tryGenerate(ctx context.Context, s *service.Service, req backend.GenerateRequest) (a answer, err error) {
	req.Model = "m"
	err = s.Generate(ctx, req, func(e backend.Event) error {
		a.text += e.Text
		a.tokens = append(a.tokens, e.Tokens...)
		a.logprobs = append(a.logprobs, e.Logprobs...)
		if e.Prompt != nil {
			a.prompt = *e.Prompt
		}
		if e.Final != nil {
			a.final = *e.Final
		}
		return nil
	})
	return a, err
}

// greedy asks for n tokens after text.
func greedy(text string, n int) backend.GenerateRequest {
	return backend.GenerateRequest{Prompt: backend.Prompt{Text: text, AddSpecial: true}, MaxTokens: n}
}

const story = "The quick brown fox jumps over the lazy dog. The capital of France is Paris. " +
	"Water boils at one hundred degrees, and the sun rises in the east."

func tokenize(t testing.TB, s *service.Service, text string) []backend.Token {
	t.Helper()
	tokens, err := s.Tokenize(t.Context(), backend.TokenizeRequest{Model: "m", Text: text, AddSpecial: true})
	require.NoError(t, err)
	return tokens
}

func score(t testing.TB, s *service.Service, tokens []backend.Token) []backend.TokenLogprob {
	t.Helper()
	r, err := s.Score(t.Context(), backend.ScoreRequest{Model: "m", Tokens: tokens, From: 1})
	require.NoError(t, err)
	require.Len(t, r.Tokens, len(tokens)-1)
	return r.Tokens
}

// mean is the mean log-probability.
func mean(scored []backend.TokenLogprob) float64 {
	var sum float64
	for _, p := range scored {
		sum += float64(p.Logprob)
	}
	return sum / float64(len(scored))
}
