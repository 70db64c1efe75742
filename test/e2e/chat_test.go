package e2e

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const smollm2 = "smollm2-135m"

// oneModel serves SmolLM2 under its short name.
const oneModel = `
models:
  smollm2-135m: {file: SmolLM2-135M-Instruct.Q4_1.gguf}
channels:
  smollm2-135m: {load: {context: 2048, parallel: 8, cache_tokens: 8192}}
`

func chatParams(prompt string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:       smollm2,
		Messages:    []openai.ChatCompletionMessageParamUnion{openai.UserMessage(prompt)},
		Temperature: openai.Float(0),
		MaxTokens:   openai.Int(32),
	}
}

// streamed collects a streamed chat: the text, the finish reason and the usage chunk.
func streamed(t *testing.T, client openai.Client, params openai.ChatCompletionNewParams, opts ...option.RequestOption) (text, reason string, usage openai.CompletionUsage) {
	t.Helper()
	params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	stream := client.Chat.Completions.NewStreaming(t.Context(), params, opts...)
	defer stream.Close()
	for stream.Next() {
		chunk := stream.Current()
		if len(chunk.Choices) == 0 {
			usage = chunk.Usage
			continue
		}
		text += chunk.Choices[0].Delta.Content
		if chunk.Choices[0].FinishReason != "" {
			reason = chunk.Choices[0].FinishReason
		}
	}
	require.NoError(t, stream.Err())
	return text, reason, usage
}

func TestGoClient(t *testing.T) {
	d := start(t, oneModel)
	client := d.client()

	t.Run("models are listed and described", func(t *testing.T) {
		page, err := client.Models.List(t.Context())
		require.NoError(t, err)
		require.Len(t, page.Data, 1)
		assert.Equal(t, smollm2, page.Data[0].ID)
		model, err := client.Models.Get(t.Context(), smollm2)
		require.NoError(t, err)
		assert.Equal(t, smollm2, model.ID)
		assert.Contains(t, model.RawJSON(), "llamacpp")
	})

	t.Run("an answer has content, finish reason and usage that add up", func(t *testing.T) {
		answer, err := client.Chat.Completions.New(t.Context(), chatParams("What is the capital of France?"))
		require.NoError(t, err)
		require.Len(t, answer.Choices, 1)
		assert.NotEmpty(t, answer.Choices[0].Message.Content)
		assert.Contains(t, []string{"stop", "length"}, answer.Choices[0].FinishReason)
		assert.Positive(t, answer.Usage.PromptTokens)
		assert.Positive(t, answer.Usage.CompletionTokens)
		assert.Equal(t, answer.Usage.PromptTokens+answer.Usage.CompletionTokens, answer.Usage.TotalTokens)
	})

	t.Run("the length limit is told and kept", func(t *testing.T) {
		params := chatParams("Count from one to fifty.")
		params.MaxTokens = openai.Int(5)
		answer, err := client.Chat.Completions.New(t.Context(), params)
		require.NoError(t, err)
		assert.Equal(t, "length", answer.Choices[0].FinishReason)
		assert.EqualValues(t, 5, answer.Usage.CompletionTokens)
	})

	t.Run("a stream says what the plain answer says", func(t *testing.T) {
		params := chatParams("Name three colours of the rainbow.")
		plain, err := client.Chat.Completions.New(t.Context(), params)
		require.NoError(t, err)
		text, reason, usage := streamed(t, client, params)
		assert.Equal(t, plain.Choices[0].Message.Content, text)
		assert.Equal(t, plain.Choices[0].FinishReason, reason)
		assert.Equal(t, plain.Usage.CompletionTokens, usage.CompletionTokens)
		assert.Equal(t, plain.Usage.PromptTokens, usage.PromptTokens)
	})

	t.Run("a stop string ends the answer before it", func(t *testing.T) {
		params := chatParams("Count from 1 to 20, separated by commas.")
		params.MaxTokens = openai.Int(64)
		whole, err := client.Chat.Completions.New(t.Context(), params)
		require.NoError(t, err)
		content := whole.Choices[0].Message.Content
		require.Greater(t, len(content), 12)
		stop := content[6:10] // wherever token boundaries lie
		params.Stop = openai.ChatCompletionNewParamsStopUnion{OfStringArray: []string{stop}}
		cut, err := client.Chat.Completions.New(t.Context(), params)
		require.NoError(t, err)
		before, _, _ := strings.Cut(content, stop)
		assert.Equal(t, before, cut.Choices[0].Message.Content)
		assert.Equal(t, "stop", cut.Choices[0].FinishReason)
		text, reason, _ := streamed(t, client, params)
		assert.Equal(t, before, text)
		assert.Equal(t, "stop", reason)
	})

	t.Run("a seed repeats the answer and another does not", func(t *testing.T) {
		ask := func(seed int64) string {
			params := chatParams("Tell me a short story about a fox.")
			params.Temperature, params.Seed, params.MaxTokens = openai.Float(1), openai.Int(seed), openai.Int(48)
			answer, err := client.Chat.Completions.New(t.Context(), params)
			require.NoError(t, err)
			return answer.Choices[0].Message.Content
		}
		assert.Equal(t, ask(7), ask(7))
		assert.NotEqual(t, ask(7), ask(8))
	})

	t.Run("log-probabilities come for every token with their alternatives", func(t *testing.T) {
		params := chatParams("What is the capital of France?")
		params.Logprobs, params.TopLogprobs = openai.Bool(true), openai.Int(3)
		answer, err := client.Chat.Completions.New(t.Context(), params)
		require.NoError(t, err)
		tokens := answer.Choices[0].Logprobs.Content
		require.NotEmpty(t, tokens)
		var text strings.Builder
		for _, token := range tokens {
			text.WriteString(token.Token)
			require.Len(t, token.TopLogprobs, 3)
			assert.Equal(t, token.Token, token.TopLogprobs[0].Token, "greedy draws the likeliest")
			assert.LessOrEqual(t, token.Logprob, 0.0)
			assert.GreaterOrEqual(t, token.TopLogprobs[0].Logprob, token.TopLogprobs[1].Logprob)
		}
		assert.True(t, strings.HasPrefix(text.String(), answer.Choices[0].Message.Content))
	})

	t.Run("a completion continues its prompt", func(t *testing.T) {
		answer, err := client.Completions.New(t.Context(), openai.CompletionNewParams{
			Model:       smollm2,
			Prompt:      openai.CompletionNewParamsPromptUnion{OfString: openai.String("The capital of France is")},
			Temperature: openai.Float(0), MaxTokens: openai.Int(4),
		})
		require.NoError(t, err)
		assert.Contains(t, answer.Choices[0].Text, "Paris")
		assert.EqualValues(t, 4, answer.Usage.CompletionTokens)
	})
}

func TestErrorsAreOpenAIs(t *testing.T) {
	d := start(t, oneModel)
	client := d.client()

	t.Run("an unknown model is 404 and names the nearest", func(t *testing.T) {
		params := chatParams("hello")
		params.Model = "smollm2-135n"
		_, err := client.Chat.Completions.New(t.Context(), params)
		var api *openai.Error
		require.True(t, errors.As(err, &api), "%v", err)
		assert.Equal(t, http.StatusNotFound, api.StatusCode)
		assert.Equal(t, "model_not_found", api.Code)
		assert.Contains(t, api.Message, smollm2)
	})

	t.Run("a prompt over the context is 400 with both sizes", func(t *testing.T) {
		_, err := client.Chat.Completions.New(t.Context(), chatParams(strings.Repeat("word ", 4000)))
		var api *openai.Error
		require.True(t, errors.As(err, &api), "%v", err)
		assert.Equal(t, http.StatusBadRequest, api.StatusCode)
		assert.Equal(t, "context_length_exceeded", api.Code)
		assert.Contains(t, api.Message, "exceeds the available context size")
		assert.Contains(t, api.Message, "2048")
	})

	t.Run("the same before a stream begins", func(t *testing.T) {
		stream := client.Chat.Completions.NewStreaming(t.Context(), chatParams(strings.Repeat("word ", 4000)))
		defer stream.Close()
		assert.False(t, stream.Next())
		var api *openai.Error
		require.True(t, errors.As(stream.Err(), &api), "%v", stream.Err())
		assert.Equal(t, http.StatusBadRequest, api.StatusCode)
	})

	for name, c := range map[string]struct{ body, param string }{
		"wrong type":        {`{"model":"smollm2-135m","messages":[{"role":"user","content":"x"}],"temperature":"hot"}`, "temperature"},
		"wrong nested type": {`{"model":"smollm2-135m","messages":[{"role":"user","content":"x"},{"role":7}]}`, "messages[1].role"},
		"out of range":      {`{"model":"smollm2-135m","messages":[{"role":"user","content":"x"}],"top_p":2}`, "top_p"},
		"missing":           {`{"model":"smollm2-135m"}`, "messages"},
	} {
		t.Run("a bad field is 400 and named: "+name, func(t *testing.T) {
			status, body := d.post(context.Background(), "/v1/chat/completions", c.body)
			assert.Equal(t, http.StatusBadRequest, status, "%s", body)
			assert.Contains(t, string(body), c.param)
			assert.Contains(t, string(body), "invalid_request_error")
		})
	}

	t.Run("unknown keys are ignored", func(t *testing.T) {
		status, body := d.post(context.Background(), "/v1/chat/completions",
			`{"model":"smollm2-135m","messages":[{"role":"user","content":"hi"}],"max_tokens":1,"frobnicate":{"a":[1]},"chat_template_kwargs":{"x":1}}`)
		assert.Equal(t, http.StatusOK, status, "%s", body)
	})

	t.Run("no such path", func(t *testing.T) {
		status, body := d.post(context.Background(), "/v1/nothing", `{}`)
		assert.Equal(t, http.StatusNotFound, status)
		assert.Contains(t, string(body), `"error"`)
	})
}
