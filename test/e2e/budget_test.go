package e2e

import (
	"fmt"
	"sync"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// twoModels gives SmolLM2 and Gemma-3 a budget that only one of them fits at a time.
const twoModels = `
memory: 900MiB
models:
  smollm2-135m: {file: SmolLM2-135M-Instruct.Q4_1.gguf}
  gemma-3-270m: {file: gemma-3-270m-q4_k_m.gguf}
channels:
  smollm2-135m: {load: {context: 1024, parallel: 2}}
  gemma-3-270m: {load: {context: 1024, parallel: 2}}
`

// stats is the part of /v1/kakeya/stats that the tests look at.
type stats struct {
	Pool struct {
		BudgetBytes int64 `json:"budget_bytes"`
		UsedBytes   int64 `json:"used_bytes"`
		Loads       int64 `json:"loads"`
	} `json:"pool"`
	Models []struct {
		Model    string `json:"model"` // its load key
		State    string `json:"state"`
		Requests int    `json:"requests"`
	} `json:"models"`
}

func (d *daemon) stats() stats {
	d.t.Helper()
	var s stats
	require.Equal(d.t, 200, d.get("/v1/kakeya/stats", &s))
	return s
}

// awaitActive waits until n requests hold a model.
func (d *daemon) awaitActive(n int) {
	d.t.Helper()
	d.eventually(fmt.Sprintf("%d active requests", n), func() bool {
		active := 0
		for _, m := range d.stats().Models {
			active += m.Requests
		}
		return active == n
	})
}

// Two models take turns under a budget for one: each request is answered, and the memory in use never
// passes the budget.
func TestTwoModelsUnderABudgetForOne(t *testing.T) {
	d := start(t, twoModels)
	client := d.client()
	models := []string{"smollm2-135m", "gemma-3-270m"}
	for range 2 {
		for _, model := range models {
			params := chatParams("Hello")
			params.Model, params.MaxTokens = model, openai.Int(8)
			got, err := client.Chat.Completions.New(t.Context(), params)
			require.NoError(t, err, model)
			assert.Positive(t, got.Usage.CompletionTokens)
			s := d.stats()
			assert.LessOrEqual(t, s.Pool.UsedBytes, s.Pool.BudgetBytes)
			require.Len(t, s.Models, 1, "one model fits")
			assert.Equal(t, "ready", s.Models[0].State)
		}
	}

	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			params := chatParams(fmt.Sprintf("Say the number %d.", i))
			params.Model, params.MaxTokens = models[i%2], openai.Int(8)
			_, err := client.Chat.Completions.New(t.Context(), params)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
}
