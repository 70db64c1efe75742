package api_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
)

// TestSDK lets OpenAI's own client read what the server writes.
func TestSDK(t *testing.T) {
	const said = "grüße 世界 🙂"
	d := start(t, fake.ModelConfig{Answer: said}, channel.Spec{})
	client := openai.NewClient(option.WithBaseURL(d.url+"/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0), option.WithHTTPClient(d.client))
	params := openai.ChatCompletionNewParams{
		Model:       "m",
		Messages:    []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("be kind"), openai.UserMessage("hello")},
		Logprobs:    openai.Bool(true),
		TopLogprobs: openai.Int(2),
	}

	whole, err := client.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	require.Len(t, whole.Choices, 1)
	assert.Equal(t, said, whole.Choices[0].Message.Content)
	assert.Equal(t, "stop", whole.Choices[0].FinishReason)
	assert.Len(t, whole.Choices[0].Logprobs.Content, int(whole.Usage.CompletionTokens))
	assert.Equal(t, whole.Usage.TotalTokens, whole.Usage.PromptTokens+whole.Usage.CompletionTokens)

	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var sum openai.ChatCompletionAccumulator
	for stream.Next() {
		require.True(t, sum.AddChunk(stream.Current()))
	}
	require.NoError(t, stream.Err())
	require.Len(t, sum.Choices, 1)
	assert.Equal(t, said, sum.Choices[0].Message.Content)
	assert.Equal(t, "stop", sum.Choices[0].FinishReason)
	assert.Equal(t, whole.Usage.CompletionTokens, sum.Usage.CompletionTokens)

	completion, err := client.Completions.New(t.Context(), openai.CompletionNewParams{
		Model: "m", Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("hello")}, Logprobs: openai.Int(1),
	})
	require.NoError(t, err)
	assert.Equal(t, said, completion.Choices[0].Text)
	assert.Len(t, completion.Choices[0].Logprobs.TextOffset, int(completion.Usage.CompletionTokens))

	models, err := client.Models.List(t.Context())
	require.NoError(t, err)
	require.Len(t, models.Data, 1)
	assert.Equal(t, "m", models.Data[0].ID)

	params.Model = "nobody"
	_, err = client.Chat.Completions.New(t.Context(), params)
	var failed *openai.Error
	require.True(t, errors.As(err, &failed))
	assert.Equal(t, http.StatusNotFound, failed.StatusCode)
	assert.Equal(t, "model_not_found", failed.Code)
	assert.Equal(t, "model", failed.Param)
}
