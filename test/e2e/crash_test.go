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
	require.ErrorContains(t, cutOff(t, client, long, pid), "plugin")

	after, err := client.Chat.Completions.New(t.Context(), question)
	require.NoError(t, err)
	assert.Equal(t, before.Choices[0].Message.Content, after.Choices[0].Message.Content)
	assert.NotEqual(t, pid, d.backendPID())
	assert.False(t, alive(pid))
}

// cutOff streams an answer, kills a process in the middle of it and returns how the stream ends.
func cutOff(t *testing.T, client openai.Client, params openai.ChatCompletionNewParams, pid int) error {
	t.Helper()
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	defer stream.Close()
	for range 5 {
		require.True(t, stream.Next(), "%v", stream.Err())
	}
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	for stream.Next() {
		assert.Empty(t, stream.Current().Choices[0].FinishReason, "a cut stream must not look finished")
	}
	return stream.Err()
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

// A live codec that is killed fails the request whose cache it packed; the next one finds it restarted and gets the
// answer as before. Who has no codec does not notice.
func TestKillCodecMidStream(t *testing.T) {
	d := start(t, oneModel+"  smollm2-135m@e8-q38: {cache: {mode: live}, load: {context: 2048, parallel: 8, cache_tokens: 8192}}\n")
	client := d.client()
	const live = smollm2 + "@e8-q38"
	before := ask(t, client, tale(live, question))
	pid := d.pluginPID("kakeya-codec-e8")

	long := chatParams("Write a very long story about the sea.")
	long.Model, long.MaxTokens = live, openai.Int(1500)
	require.ErrorContains(t, cutOff(t, client, long, pid), "codec")

	ask(t, client, tale(smollm2, question))
	assert.Equal(t, before.text, ask(t, client, tale(live, question)).text)
	assert.NotEqual(t, pid, d.pluginPID("kakeya-codec-e8"))
	assert.False(t, alive(pid))
}
