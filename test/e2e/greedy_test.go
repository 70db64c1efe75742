package e2e

import (
	"strings"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Greedy output is the same alone and in a batch, streamed and not, with a reused prefix and without.
func TestGreedyIsTheSameHoweverItIsServed(t *testing.T) {
	d := start(t, oneModel)
	client := d.client()
	system := "You are a terse assistant. " + strings.Repeat("Answer in one short sentence and do not explain. ", 20)
	var asked []openai.ChatCompletionNewParams
	for _, question := range []string{
		"What is the capital of Italy?", "Write a haiku about rain.", "Why is the sky blue?",
		"List three fruits.", "Translate 'good morning' to French.", "What is 12 times 12?",
		"Who wrote Hamlet?", "Give me a Go function that adds two numbers.",
	} {
		params := chatParams(question)
		params.Messages = append([]openai.ChatCompletionMessageParamUnion{openai.SystemMessage(system)}, params.Messages...)
		params.MaxTokens = openai.Int(40)
		params.Logprobs, params.TopLogprobs = openai.Bool(true), openai.Int(2)
		asked = append(asked, params)
	}
	uncached := func(params openai.ChatCompletionNewParams) openai.ChatCompletionNewParams {
		params.SetExtraFields(map[string]any{"cache_prompt": false})
		return params
	}

	var same comparisons
	alone := make([]answer, len(asked))
	for i, params := range asked {
		alone[i] = ask(t, client, uncached(params))
		require.NotEmpty(t, alone[i].text)
		assert.Zero(t, alone[i].cached, "cache_prompt: false must not read the cache")
	}

	t.Run("streamed", func(t *testing.T) {
		for i, params := range asked {
			stream := client.Chat.Completions.NewStreaming(t.Context(), uncached(params))
			same.add(alone[i], collect(stream))
			require.NoError(t, stream.Err())
			stream.Close()
		}
	})

	t.Run("with a reused prefix", func(t *testing.T) {
		for i, params := range asked {
			got := ask(t, client, params)
			same.add(alone[i], got)
			if i > 0 {
				assert.Greater(t, got.cached, int64(100), "the system prompt was computed before")
			}
		}
	})

	t.Run("in a batch", func(t *testing.T) {
		for _, reuse := range []bool{false, true} {
			var wg sync.WaitGroup
			for i, params := range asked {
				if !reuse {
					params = uncached(params)
				}
				wg.Go(func() { same.add(alone[i], ask(t, client, params)) })
			}
			wg.Wait()
		}
	})
	same.verify(t)
}
