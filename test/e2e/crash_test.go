package e2e

import (
	"errors"
	"net/http"
	"syscall"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A killed backend fails the request that it held, at once and with a clear error; the next request
// finds it restarted and the model loaded again, and gets the same answer.
func TestKillBackendMidStream(t *testing.T) {
	d := start(t, oneModel)
	client := d.client()
	question := chatParams("What is the capital of France?")
	before, err := client.Chat.Completions.New(t.Context(), question)
	require.NoError(t, err)
	pid := d.backendPID()

	long := chatParams("Write a very long story about the sea.")
	long.MaxTokens = openai.Int(1500)
	stream := client.Chat.Completions.NewStreaming(t.Context(), long)
	defer stream.Close()
	for range 5 {
		require.True(t, stream.Next(), "%v", stream.Err())
	}
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	for stream.Next() {
		assert.Empty(t, stream.Current().Choices[0].FinishReason, "a cut stream must not look finished")
	}
	require.Error(t, stream.Err())
	assert.Contains(t, stream.Err().Error(), "plugin")

	after, err := client.Chat.Completions.New(t.Context(), question)
	require.NoError(t, err)
	assert.Equal(t, before.Choices[0].Message.Content, after.Choices[0].Message.Content)
	assert.NotEqual(t, pid, d.backendPID())
	assert.False(t, alive(pid))
}

// A plain request that the dying backend holds gets a 503, not a hang.
func TestKillBackendDuringPlainRequest(t *testing.T) {
	d := start(t, oneModel)
	client := d.client()
	_, err := client.Chat.Completions.New(t.Context(), chatParams("Hello"))
	require.NoError(t, err)

	answered := make(chan error, 1)
	go func() {
		long := chatParams("Write a very long story about the sea.")
		long.MaxTokens = openai.Int(1500)
		_, err := client.Chat.Completions.New(t.Context(), long)
		answered <- err
	}()
	d.awaitActive(1)
	require.NoError(t, syscall.Kill(d.backendPID(), syscall.SIGKILL))
	var api *openai.Error
	require.True(t, errors.As(<-answered, &api))
	assert.Equal(t, http.StatusServiceUnavailable, api.StatusCode)
}
