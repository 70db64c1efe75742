package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pluginOf builds the fake of a kind.
func pluginOf(t *testing.T, kind string) string {
	t.Helper()
	binary := filepath.Join(shortDir(t), "kakeya-"+kind+"-fake")
	out, err := exec.Command("go", "build", "-o", binary, "../../core/plugin/"+kind+"/fake/kakeya-"+kind+"-fake").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// withLiar serves SmolLM2 plain, and as liar with a plugin that is told how to behave.
func withLiar(t *testing.T, kind, behaviour, channel string) string {
	t.Helper()
	return fmt.Sprintf(`
plugins:
  call_timeout: 5s
  health: {timeout: 1m}
  list:
    - {name: fake, kind: %s, path: %q, env: {KAKEYA_FAKE: %q}}
models:
  smollm2-135m: {file: SmolLM2-135M-Instruct.Q4_1.gguf}
defaults:
  load: {context: 1024, parallel: 2, cache_tokens: 1024}
channels:
  smollm2-135m: {}
  liar: {model: smollm2-135m, %s}
`, kind, pluginOf(t, kind), behaviour, channel)
}

// health is what /health says of a plugin, and stats what /v1/kakeya/stats does.
func (d *daemon) pluginEnd(kind string) (reason, inFull string) {
	type plugin struct{ Kind, Reason, Error string }
	var health, stats struct{ Plugins []plugin }
	d.get("/health", &health)
	d.get("/v1/kakeya/stats", &stats)
	for _, p := range health.Plugins {
		if p.Kind == kind {
			reason = p.Reason
		}
	}
	for _, p := range stats.Plugins {
		if p.Kind == kind {
			inFull = p.Error
		}
	}
	return reason, inFull
}

// A drafter that lies or hangs costs its requests nothing but its speed: the answer is the one without it.
// It is stopped, and the reason is told.
func TestLyingDrafters(t *testing.T) {
	for name, c := range map[string]struct{ behaviour, reason, says string }{
		"too long":       {`{"lie": "long", "step": 1}`, "lied", "were asked for"},
		"unknown tokens": {`{"lie": "vocabulary", "step": 1}`, "lied", "in a vocabulary of"},
		"no answer":      {`{"hang": "deaf", "after": 3, "step": 1}`, "hung", "5s"},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, withLiar(t, "drafter", c.behaviour, "drafter: {name: fake}"))
			plain := ask(t, d.client(), tale(smollm2, question))
			drafted := ask(t, d.client(), tale("liar", question))
			if exact {
				assert.Equal(t, plain.text, drafted.text)
			}
			d.eventually("the drafter to be stopped", func() bool {
				reason, _ := d.pluginEnd("drafter")
				return reason != ""
			})
			reason, inFull := d.pluginEnd("drafter")
			assert.Equal(t, c.reason, reason)
			assert.Contains(t, inFull, c.says)
			assert.Contains(t, d.log.String(), "plugin is down")
			assert.Equal(t, drafted.text, ask(t, d.client(), tale("liar", question)).text, "the model goes on without")
			assert.Positive(t, total(d.metrics(), "kakeyad_plugin_ends_total", "kind", "drafter", "plugin", "fake", "reason", c.reason))
		})
	}
}

// A live codec that does not answer the real backend is stopped though nobody cancels anything; the request
// that met it is told, and the next is answered.
func TestHangingCodec(t *testing.T) {
	once := filepath.Join(shortDir(t), "done")
	d := start(t, withLiar(t, "codec", fmt.Sprintf(`{"hang": "call", "after": 40, "once": %q}`, once), "codec: {name: fake, q: 38}, cache: {mode: live}"))
	body := `{"model": "liar", "max_tokens": 8, "messages": [{"role": "user", "content": "Hi"}]}`
	status, answer := d.post(context.Background(), "/v1/chat/completions", body)
	assert.Equal(t, http.StatusServiceUnavailable, status, "%s", answer)
	assert.Contains(t, string(answer), "codec")
	assert.Contains(t, string(answer), "longer than 5s")
	ask(t, d.client(), tale(smollm2, question))
	status, answer = d.post(context.Background(), "/v1/chat/completions", body)
	assert.Equal(t, http.StatusOK, status, "%s", answer)
	reason, inFull := d.pluginEnd("codec")
	assert.Equal(t, "hung", reason)
	assert.Contains(t, inFull, "longer than 5s")
	_, err := os.Stat(once)
	require.NoError(t, err)
}
