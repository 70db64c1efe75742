package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// 64 streams at once over 8 slots, of which every third goes away after a few tokens: the others
// get what they would have got alone, and nothing is left running afterwards.
func TestManyStreamsSomeDisconnect(t *testing.T) {
	d := start(t, oneModel)
	client := d.client()
	const streams = 64
	prompts := make([]openai.ChatCompletionNewParams, streams)
	alone := make(map[string]answer)
	for i := range prompts {
		prompts[i] = chatParams(fmt.Sprintf("What is %d plus %d?", i%8, 3))
		prompts[i].MaxTokens = openai.Int(24)
		prompts[i].Logprobs, prompts[i].TopLogprobs = openai.Bool(true), openai.Int(2)
		if i < 8 {
			alone[prompt(prompts[i])] = ask(t, client, prompts[i])
		}
	}

	var same comparisons
	var wg sync.WaitGroup
	for i := range streams {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stream := client.Chat.Completions.NewStreaming(ctx, prompts[i])
			defer stream.Close()
			if i%3 == 0 {
				for range 3 {
					stream.Next()
				}
				return // closes the connection in the middle of the answer
			}
			got := collect(stream)
			if assert.NoError(t, stream.Err()) {
				same.add(alone[prompt(prompts[i])], got)
			}
		})
	}
	wg.Wait()
	d.awaitActive(0)

	after := ask(t, client, prompts[0])
	same.add(alone[prompt(prompts[0])], after)
	require.NotEmpty(t, after.text)
	same.verify(t)
}
