package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/experiment"
	"github.com/kakeyad/kakeyad/test/browser"
)

// twoInOne has the real model beside itself with a drafter, in both ways.
const twoInOne = oneModel + `
  smollm2-135m+ngram: {load: {context: 2048, parallel: 8, cache_tokens: 8192}}
  split: {ab: {a: smollm2-135m, b: smollm2-135m+ngram, split: 50%}, aliases: [gpt-4o]}
  shadow: {ab: {a: smollm2-135m, b: smollm2-135m+ngram, shadow: true}}
`

func (d *daemon) experiment(name string) (r experiment.Report) {
	d.t.Helper()
	require.Equal(d.t, http.StatusOK, d.get("/v1/kakeya/experiments/"+name, &r))
	return r
}

// TestTwoChannelsInOne routes conversations of openai-go and openai-python to two real channels, and has a
// drafter answer unseen what was answered without: the same tokens.
func TestTwoChannelsInOne(t *testing.T) {
	d := start(t, twoInOne)
	client := d.client()
	arms := map[string]string{}
	channels := map[string]string{"a": smollm2, "b": smollm2 + "+ngram"}
	for i := range 10 {
		params := chatParams(fmt.Sprintf("Say the number %d and a word that begins with the same letter.", i))
		params.Model = "gpt-4o"
		var raw *http.Response
		got, err := client.Chat.Completions.New(t.Context(), params, option.WithResponseInto(&raw))
		require.NoError(t, err)
		arm := raw.Header.Get("X-Kakeya-Arm")
		assert.Equal(t, "split", raw.Header.Get("X-Kakeya-Experiment"))
		assert.Equal(t, channels[arm], got.Model)
		arms[fmt.Sprint(i)] = arm
	}
	python := exec.CommandContext(t.Context(), env.python, "-c", `
import json, openai, sys
client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="unused", max_retries=0)
arms = {}
for i in range(10):
    messages = [{"role": "user", "content": f"Say the number {i} and a word that begins with the same letter."},
                {"role": "assistant", "content": "One."}, {"role": "user", "content": "Another."}]
    raw = client.chat.completions.with_raw_response.create(model="split", messages=messages, max_tokens=12, temperature=0)
    arms[str(i)] = raw.headers["x-kakeya-arm"]
    raw.parse()
print(json.dumps(arms))
`, d.url)
	python.Stderr = os.Stderr
	out, err := python.Output()
	require.NoError(t, err)
	var second map[string]string
	require.NoError(t, json.Unmarshal(out, &second))
	assert.Equal(t, arms, second, "a conversation stays where it began, whoever asks")
	split := d.experiment("split")
	assert.EqualValues(t, 20, split.A.Requests+split.B.Requests)
	assert.Zero(t, split.A.Failed+split.B.Failed)
	assert.Equal(t, 10, split.Watched)

	for i := range 3 {
		params := chatParams(fmt.Sprintf("Count from %d to ten.", i))
		params.Model = "shadow"
		got, err := client.Chat.Completions.New(t.Context(), params)
		require.NoError(t, err)
		assert.Equal(t, smollm2, got.Model)
		compared := int64(i + 1)
		d.eventually("the second channel's answer", func() bool {
			s := d.experiment("shadow").Shadow
			return s.Compared+s.Censored+s.Dropped == compared
		})
	}
	shadow := d.experiment("shadow")
	assert.EqualValues(t, 3, shadow.Shadow.Compared)
	assert.Equal(t, "token", shadow.Shadow.Unit)
	figures := map[string]experiment.Metric{}
	for _, m := range shadow.Metrics {
		figures[m.Name] = m
	}
	require.EqualValues(t, 3, figures["same"].N, "greedy on both sides")
	if exact {
		assert.InDelta(t, 1, *figures["same"].Value, 0, "a drafter changes no token")
		assert.Empty(t, shadow.Shadow.Parted)
	}
	assert.EqualValues(t, 3, figures["generation"].N)
	assert.Positive(t, *figures["generation"].Value)
	assert.Zero(t, *figures["failures"].Value)

	table, err := exec.CommandContext(t.Context(), filepath.Join(env.bin, "kakeyad"), "experiments", "shadow", "--url", d.url).CombinedOutput()
	require.NoError(t, err, "%s", table)
	assert.Contains(t, string(table), "3 compared")

	p := browser.New(t)
	p.Open(d.url + "/")
	p.Until("the page", `document.body?.classList.contains("ready")`)
	p.Click("#open-sides")
	p.Until("the view", `document.activeElement?.id === "sides-prompt"`)
	p.Type("What is the capital of France?")
	p.Enter()
	p.Until("both answers", `document.querySelectorAll("#sides .side .figures").length === 2 && document.querySelector("#sides-stop").hidden`)
	assert.Contains(t, p.Text("#sides-a-text"), "Paris")
	p.Screenshot("sides-real")
	assert.Empty(t, p.Problems())

	before := d.experiment("shadow")
	d.stop()
	again := d.again(twoInOne)
	after := again.experiment("shadow")
	assert.Equal(t, before.Shadow, after.Shadow, "what was found outlives the daemon")
	assert.Equal(t, before.Since, after.Since)
	assert.EqualValues(t, 10, again.experiment("split").Metrics[2].N, "what was watched counts")
}
