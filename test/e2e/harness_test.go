package e2e

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lm-evaluation-harness's local-completions sends tokens of a context and a continuation with echo, logprobs 1 and
// max_tokens 1, and reads token_logprobs[context:-1] and top_logprobs[context:-1].
func TestScoresAsTheHarnessReadsThem(t *testing.T) {
	d := start(t, oneModel)
	tokensOf := func(text string) []int {
		status, body := d.post(t.Context(), "/tokenize", string(mustJSON(t, map[string]any{"content": text})))
		require.Equal(t, 200, status, "%s", body)
		var got struct{ Tokens []int }
		require.NoError(t, json.Unmarshal(body, &got))
		return got.Tokens
	}
	context := tokensOf("The capital of France is")
	var prompts [][]int
	for _, continuation := range []string{" Paris", " Rome", " Oslo"} {
		prompts = append(prompts, append(append([]int{}, context...), tokensOf(continuation)...))
	}
	status, body := d.post(t.Context(), "/v1/completions", string(mustJSON(t, map[string]any{
		"model": smollm2, "prompt": prompts, "temperature": 0, "max_tokens": 1, "logprobs": 1, "seed": 1234, "echo": true,
	})))
	require.Equal(t, 200, status, "%s", body)
	var answer struct {
		Choices []struct {
			Index    int
			Logprobs struct {
				Tokens        []string             `json:"tokens"`
				TokenLogprobs []*float64           `json:"token_logprobs"`
				TopLogprobs   []map[string]float64 `json:"top_logprobs"`
			}
		}
	}
	require.NoError(t, json.Unmarshal(body, &answer))
	require.Len(t, answer.Choices, len(prompts))
	scores := make([]float64, len(prompts))
	for i, choice := range answer.Choices {
		require.Equal(t, i, choice.Index)
		n := len(prompts[i]) + 1
		require.Len(t, choice.Logprobs.Tokens, n)
		require.Len(t, choice.Logprobs.TokenLogprobs, n)
		require.Len(t, choice.Logprobs.TopLogprobs, n)
		require.Nil(t, choice.Logprobs.TokenLogprobs[0], "nothing comes before the first token")
		for j := len(context); j < n-1; j++ {
			require.NotNil(t, choice.Logprobs.TokenLogprobs[j])
			require.NotEmpty(t, choice.Logprobs.TopLogprobs[j])
			scores[i] += *choice.Logprobs.TokenLogprobs[j]
		}
	}
	assert.Greater(t, scores[0], scores[1])
	assert.Greater(t, scores[0], scores[2])
}
