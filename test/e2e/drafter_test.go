package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/draftbench"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// drafting serves SmolLM2 without a drafter and with each of ours, and with a live codec without and with
// ngram. Its draft model is itself.
const drafting = oneModel + `
  smollm2-135m+ngram: {load: {context: 2048, parallel: 8, cache_tokens: 8192}}
  smollm2-135m+dflash: {load: {context: 2048, parallel: 8, cache_tokens: 8192}}
  smollm2-135m@e8-q38: {cache: {mode: live}, load: {context: 2048, parallel: 8, cache_tokens: 8192}}
  smollm2-135m@e8-q38+ngram: {cache: {mode: live}, load: {context: 2048, parallel: 8, cache_tokens: 8192}}
  self:
    model: smollm2-135m
    drafter: {name: draft, params: {model: SmolLM2-135M-Instruct.Q4_1.gguf, max_draft: "4"}}
    load: {context: 2048, parallel: 8, cache_tokens: 8192}
`

// draftParams is a prompt of one of the four kinds that drafters are measured on.
func draftParams(model string, kind draftbench.Kind, i int) openai.ChatCompletionNewParams {
	params := chatParams(draftbench.Prompt(kind, i))
	params.Model = model
	params.MaxTokens = openai.Int(48)
	params.Logprobs, params.TopLogprobs = openai.Bool(true), openai.Int(2)
	params.SetExtraFields(map[string]any{"cache_prompt": false})
	return params
}

// Greedy answers with each drafter are those without, token for token, alone and in a batch of 8.
func TestDraftersChangeNothing(t *testing.T) {
	const each = 2
	d := start(t, drafting)
	client := d.client()
	var same comparisons
	for _, pair := range []struct{ plain, model string }{
		{smollm2, smollm2 + "+ngram"},
		{smollm2, smollm2 + "+dflash"},
		{smollm2, "self"},
		{smollm2 + "@e8-q38", smollm2 + "@e8-q38+ngram"},
	} {
		model := pair.model
		t.Run(model, func(t *testing.T) {
			want := map[string]answer{}
			for _, kind := range draftbench.Kinds {
				for i := range each {
					want[fmt.Sprint(kind, i)] = ask(t, client, draftParams(pair.plain, kind, i))
				}
			}
			var together sync.WaitGroup
			var accepted int64
			for _, kind := range draftbench.Kinds {
				for i := range each {
					params := draftParams(model, kind, i)
					got, err := client.Chat.Completions.New(t.Context(), params)
					require.NoError(t, err)
					accepted += got.Usage.CompletionTokensDetails.AcceptedPredictionTokens
					choice := got.Choices[0]
					same.add(want[fmt.Sprint(kind, i)], answer{text: choice.Message.Content, reason: choice.FinishReason, tokens: choice.Logprobs.Content})
				}
			}
			for _, kind := range draftbench.Kinds {
				for i := range each {
					together.Go(func() { same.add(want[fmt.Sprint(kind, i)], ask(t, client, draftParams(model, kind, i))) })
				}
			}
			together.Wait()
			if strings.HasSuffix(model, "+ngram") {
				assert.Positive(t, accepted, "nothing was accepted: the drafter was of no use")
			}
		})
	}
	same.verify(t)
}

// A drafter that is killed in the middle of an answer leaves the answer as it is, and comes back without the model being loaded
// again.
func TestKillDrafterMidStream(t *testing.T) {
	d := start(t, drafting)
	client := d.client()
	long := chatParams(draftbench.Prompt(draftbench.Edit, 0))
	long.MaxTokens = openai.Int(200)
	want, err := client.Chat.Completions.New(t.Context(), long)
	require.NoError(t, err)

	long.Model = smollm2 + "+ngram"
	stream := client.Chat.Completions.NewStreaming(t.Context(), long)
	defer stream.Close()
	text := ""
	for n := 0; stream.Next(); n++ {
		if n == 5 {
			require.NoError(t, syscall.Kill(d.pluginPID("kakeya-drafter-ngram"), syscall.SIGKILL))
		}
		if choices := stream.Current().Choices; len(choices) > 0 {
			text += choices[0].Delta.Content
		}
	}
	require.NoError(t, stream.Err())
	if exact {
		assert.Equal(t, want.Choices[0].Message.Content, text)
	}
	again := waitForDrafter(t, client, long)
	assert.Equal(t, text, again.Choices[0].Message.Content)
	assert.EqualValues(t, 2, d.stats().Pool.Loads, "one without the drafter, and one with it")
}

// waitForDrafter asks until the drafter is not lost any more, and returns that answer. Whether it pays depends on the machine.
func waitForDrafter(t *testing.T, client openai.Client, params openai.ChatCompletionNewParams) *openai.ChatCompletion {
	t.Helper()
	for {
		got, err := client.Chat.Completions.New(t.Context(), params)
		require.NoError(t, err)
		var timings struct {
			Off string `json:"draft_off"`
		}
		require.NoError(t, json.Unmarshal([]byte(got.JSON.ExtraFields["timings"].Raw()), &timings))
		if timings.Off != string(backend.DraftFailed) {
			return got
		}
	}
}

// Drafters that need a model say so to who tests them, and are not called broken.
func TestPluginTestOfDraftersThatNeedAModel(t *testing.T) {
	target := filepath.Join(env.models, smollm2File)
	for name, c := range map[string]struct {
		drafter string
		args    []string
		says    string
	}{
		"dflash without a target":      {"dflash", nil, "the target has no file"},
		"dflash for an unknown target": {"dflash", []string{"--model", filepath.Join(env.models, gemma3File)}, "no built-in drafter is for this model"},
		"draft without its model":      {"draft", []string{"--model", target}, "name the GGUF file of a smaller model"},
		"draft of another vocabulary":  {"draft", []string{"--model", target, "--param", "model=" + filepath.Join(env.models, gemma3File)}, "vocabulary"},
	} {
		t.Run(name, func(t *testing.T) {
			binary := filepath.Join(env.bin, "kakeya-drafter-"+c.drafter)
			cmd := exec.CommandContext(t.Context(), filepath.Join(env.bin, "kakeyad"), append([]string{"plugin", "test", binary}, c.args...)...)
			cmd.Env = append(os.Environ(), "TMPDIR="+shortDir(t))
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "%s", out)
			for _, want := range []string{"not tested, as the plugin refuses what it is given", c.says, "--model FILE"} {
				require.Contains(t, string(out), want)
			}
		})
	}
}
