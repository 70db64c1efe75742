package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parking serves SmolLM2 four times: packed by e8, packed by e8k, parked as it is, and never parked. after is when
// the first three park.
func parking(after string) string {
	return fmt.Sprintf(`
models:
  smollm2-135m: {file: SmolLM2-135M-Instruct.Q4_1.gguf}
defaults:
  load: {context: 1024, parallel: 2, cache_tokens: 1024}
channels:
  packed: {model: smollm2-135m, codec: {name: e8, q: 38}, cache: {park_after: %[1]s}}
  calibrated: {model: smollm2-135m, codec: {name: e8k, q: 15}, cache: {park_after: %[1]s}}
  raw: {model: smollm2-135m, cache: {park_after: %[1]s}}
  plain: {model: smollm2-135m}
`, after)
}

// pages is the part of the stats that tells of parked pages.
type pages struct {
	Sessions struct {
		Pages   int64 `json:"pages"`
		Bytes   int64 `json:"bytes"`
		Nominal int64 `json:"nominal_bytes"`
		Damaged int64 `json:"damaged"`
	} `json:"sessions"`
}

func (d *daemon) pages() pages {
	d.t.Helper()
	var p pages
	require.Equal(d.t, http.StatusOK, d.get("/v1/kakeya/stats", &p))
	return p
}

func (d *daemon) awaitPages(n int64) {
	d.t.Helper()
	d.eventually(fmt.Sprintf("%d parked pages", n), func() bool { return d.pages().Sessions.Pages >= n })
}

func (d *daemon) unload(model string) {
	d.t.Helper()
	status, body := d.post(context.Background(), "/v1/kakeya/unload", fmt.Sprintf(`{"model": %q}`, model))
	require.Equal(d.t, http.StatusOK, status, "%s", body)
}

// tale is a conversation with a long beginning.
func tale(channel, question string) openai.ChatCompletionNewParams {
	params := chatParams(question)
	params.Model = channel
	system := "You are a terse assistant. " + strings.Repeat("Answer in one short sentence and do not explain. ", 25)
	params.Messages = append([]openai.ChatCompletionMessageParamUnion{openai.SystemMessage(system)}, params.Messages...)
	params.MaxTokens = openai.Int(24)
	params.Logprobs, params.TopLogprobs = openai.Bool(true), openai.Int(2)
	return params
}

const question = "Who wrote Hamlet?"

// A conversation comes back after it was idle and lost its cells, after its model was unloaded, and
// after the daemon was restarted, and says the same each time.
func TestParkedComesBack(t *testing.T) {
	for _, channel := range []string{"packed", "calibrated", "raw"} {
		t.Run(channel, func(t *testing.T) {
			d := start(t, parking("50ms"))
			client := d.client()
			var same comparisons
			fresh := ask(t, client, tale(channel, question))
			assert.Zero(t, fresh.restored)
			d.awaitPages(4)

			for i := range 3 { // others take its cells
				other := tale(channel, "x")
				other.Messages = chatParams(strings.Repeat(fmt.Sprintf("Number %d. ", i), 120)).Messages
				ask(t, client, other)
			}
			idle := ask(t, client, tale(channel, question))
			assert.GreaterOrEqual(t, idle.restored, int64(4*64), "after it was idle")
			assert.GreaterOrEqual(t, idle.cached, idle.restored)

			unloaded := idle
			for range 4 {
				d.unload(channel)
				unloaded = ask(t, client, tale(channel, question))
				assert.GreaterOrEqual(t, unloaded.restored, int64(4*64), "after it was unloaded")
				same.add(idle, unloaded)
			}
			d.stop()
			require.NoError(t, d.err)
			d = d.again(parking("50ms"))
			restarted := ask(t, d.client(), tale(channel, question))
			assert.GreaterOrEqual(t, restarted.restored, int64(4*64), "after a restart")
			same.add(idle, restarted)
			if channel == "raw" {
				same.add(fresh, idle)
			}
			same.verify(t)
			// The same pages and the same batches: the very same tokens.
			assert.Equal(t, unloaded.text, restarted.text)

			p := d.pages().Sessions
			assert.Zero(t, p.Damaged)
			least := map[string]float64{"packed": 2.4, "calibrated": 8, "raw": 0.99}[channel]
			assert.Greater(t, float64(p.Nominal), least*float64(p.Bytes), "%+v", p)
		})
	}
}

// What two users have in common is computed once; a question that is not to be cached neither finds
// nor leaves anything.
func TestParkedIsShared(t *testing.T) {
	d := start(t, parking("1h"))
	client := d.client()
	ask(t, client, tale("packed", "What is the capital of Italy?"))
	d.unload("packed")
	before := d.pages().Sessions.Pages
	require.Positive(t, before)
	second := ask(t, client, tale("packed", "Name a colour."))
	assert.GreaterOrEqual(t, second.restored, int64(4*64))

	d.unload("packed")
	before = d.pages().Sessions.Pages
	secret := tale("packed", "Name a fruit.")
	secret.SetExtraFields(map[string]any{"cache_prompt": false})
	private := ask(t, client, secret)
	assert.Zero(t, private.restored+private.cached)
	d.unload("packed")
	assert.Equal(t, before, d.pages().Sessions.Pages)
}

// With scope key a user finds what was computed for the same key alone.
func TestParkedOfAKey(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(keys, []byte("alice\nbob\n"), 0o600))
	d := start(t, parking("1h")+fmt.Sprintf("sessions: {scope: key}\nserver: {api_keys_file: %q}\n", keys))
	as := func(key string) openai.Client {
		return openai.NewClient(option.WithBaseURL(d.url+"/v1"), option.WithAPIKey(key), option.WithMaxRetries(0))
	}
	unload := func() {
		req, err := http.NewRequest(http.MethodPost, d.url+"/v1/kakeya/unload", strings.NewReader(`{"model": "packed"}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer alice")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	ask(t, as("alice"), tale("packed", question))
	bob := ask(t, as("bob"), tale("packed", question))
	assert.Zero(t, bob.cached, "not in the backend's cache either")
	unload()
	bob = ask(t, as("bob"), tale("packed", question))
	assert.Positive(t, bob.restored)
	unload()
	alice := ask(t, as("alice"), tale("packed", question))
	assert.Equal(t, bob.restored, alice.restored)
	assert.Equal(t, bob.text, alice.text)
}

// Two daemons do not share a folder of pages: the second says so, and serves.
func TestParkedFolderInUse(t *testing.T) {
	first := start(t, parking("1h"))
	second := start(t, parking("1h")+fmt.Sprintf("sessions: {dir: %q}\n", filepath.Join(first.dir, "data", "sessions")))
	assert.Contains(t, second.log.String(), "another daemon keeps its conversations in this folder")
	client := second.client()
	ask(t, client, tale("raw", question))
	second.unload("raw")
	assert.Positive(t, ask(t, client, tale("raw", question)).restored, "in memory")
}
