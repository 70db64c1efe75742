package e2e

import (
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
)

// twoBackends serves SmolLM2 with llama.cpp, and with GoMLX as it is by default and with weights as dequantised.
const twoBackends = `
models:
  smollm2-135m: {file: SmolLM2-135M-Instruct.Q4_1.gguf}
defaults:
  load: {context: 1024, parallel: 2, batch: 128}
channels:
  smollm2-135m: {}
  smollm2-135m:gomlx: {cache: {park_after: 50ms}}
  smollm2-135m:gomlx+ngram: {}
  exact: {model: smollm2-135m, backend: gomlx, load: {extra: {weights: f32}}}
`

// Both backends say the same, as far as quantised activations (llama.cpp) and weights (gomlx with int8) allow: where
// greedy answers part, the two best tokens are close.
func TestBackendsAgree(t *testing.T) {
	d := start(t, twoBackends)
	client := d.client()
	for model, near := range map[string]float64{"exact": 0.5, smollm2 + ":gomlx": 1} {
		t.Run(model, func(t *testing.T) {
			same := 0
			for _, question := range []string{"What is the capital of Italy?", "List three fruits.", "Who wrote Hamlet?", "What is 12 times 12?"} {
				params := chatParams(question)
				params.MaxTokens = openai.Int(32)
				params.Logprobs, params.TopLogprobs = openai.Bool(true), openai.Int(2)
				params.Model = smollm2
				want := ask(t, client, params)
				params.Model = model
				got := ask(t, client, params)
				p := pair{want, got}
				assert.Less(t, p.rounding(), near, "log-probabilities of equal tokens")
				if i := p.parting(); i >= 0 {
					assert.Less(t, topGap(want.tokens[i]), near, "answers to %q part at token %d\nllamacpp %q\ngomlx    %q", question, i, want.text, got.text)
					same += i
				} else {
					same += len(want.tokens)
				}
				t.Logf("%q: parts at %d, log-probabilities up to %.3f apart", question, p.parting(), p.rounding())
			}
			assert.Greater(t, same, 4*8, "tokens before the answers part")
		})
	}
}

// A conversation on gomlx comes back from its pages after its model was unloaded, and a drafter changes nothing.
func TestGoMLXComposes(t *testing.T) {
	d := start(t, twoBackends)
	client := d.client()
	const model = smollm2 + ":gomlx"
	fresh := ask(t, client, tale(model, question))
	d.awaitPages(4)
	d.unload(model)
	restored := ask(t, client, tale(model, question))
	assert.GreaterOrEqual(t, restored.restored, int64(4*64))
	drafted := ask(t, client, tale(model+"+ngram", question))
	for name, got := range map[string]answer{"restored": restored, "drafted": drafted} {
		p := pair{fresh, got}
		if i := p.parting(); i >= 0 { // steps of other shapes sum in another order
			assert.Less(t, topGap(fresh.tokens[i]), 0.1, "%s: answers part at token %d", name, i)
		}
		assert.Less(t, p.rounding(), 0.1, name)
	}
}
