package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// trouble is an error object.
type trouble struct {
	Message string `json:"message"`
	Code    string `json:"code"`
}

// troubleOf asks the daemon's channel something and returns the error that it gets.
func (d *daemon) troubleOf(channel, prompt string) (status int, e trouble) {
	d.t.Helper()
	body := mustJSON(d.t, map[string]any{"model": channel, "max_tokens": 1, "messages": []any{map[string]any{"role": "user", "content": prompt}}})
	status, answer := d.post(d.t.Context(), "/v1/chat/completions", string(body))
	var got struct{ Error *trouble }
	require.NoError(d.t, json.Unmarshal(answer, &got), "%s", answer)
	require.NotNil(d.t, got.Error, "no error: %s", answer)
	return status, *got.Error
}

// says asserts that a text has all these parts in it.
func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		assert.Contains(t, text, part)
	}
	t.Log(text)
}

// What people meet when something is not as it should be: each error says what happened and what to do.
func TestTroubles(t *testing.T) {
	t.Run("unknown model", func(t *testing.T) {
		d := start(t, oneModel)
		status, e := d.troubleOf("smolm2-135m", "hello")
		assert.Equal(t, 404, status)
		assert.Equal(t, "model_not_found", e.Code)
		says(t, e.Message, `unknown model "smolm2-135m"`, `did you mean "smollm2-135m"?`)

		status, e = d.troubleOf(smollm2, strings.Repeat("word ", 4000))
		assert.Equal(t, 400, status)
		assert.Equal(t, "context_length_exceeded", e.Code)
		says(t, e.Message, "exceeds the available context size", "2048 available", "shorten it", "load.context")
	})

	t.Run("file missing", func(t *testing.T) {
		d := start(t, "models: {gone: {file: gone.gguf}}\nchannels: {gone: {}}\n")
		status, e := d.troubleOf("gone", "hello")
		assert.Equal(t, 500, status)
		assert.Equal(t, "model_load_failed", e.Code)
		says(t, e.Message, "there is no file", "gone.gguf", "put it there", "models.gone.file")
		assert.Contains(t, d.log.String(), "there is no file", "the log says so at the start")
		var model struct{ Kakeya struct{ State string } }
		d.get("/v1/models/gone", &model)
		assert.Equal(t, "missing", model.Kakeya.State)
	})

	t.Run("file broken", func(t *testing.T) {
		dir := t.TempDir()
		whole, err := os.ReadFile(filepath.Join(env.models, smollm2File))
		require.NoError(t, err)
		spoilt := append([]byte(nil), whole[:4<<20]...)
		copy(spoilt[8:], strings.Repeat("\xff", 64))
		for name, content := range map[string][]byte{
			"short.gguf": whole[:len(whole)/2], "header.gguf": whole[:100], "empty.gguf": nil, "text.gguf": []byte("this is no model"), "spoilt.gguf": spoilt,
		} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
		}
		d := start(t, "discover: always\n", "--models-dir", dir)
		for name, todo := range map[string]string{
			"short": "fetch the file again", "header": "fetch the file again", "spoilt": "fetch it again", "empty": "not a GGUF file", "text": "convert the model",
		} {
			status, e := d.troubleOf(name, "hello")
			assert.Equal(t, 500, status, name)
			assert.Equal(t, "model_load_failed", e.Code, name)
			says(t, e.Message, name+".gguf", todo)
		}
	})

	t.Run("out of memory", func(t *testing.T) {
		d := start(t, "memory: 64MiB"+oneModel)
		status, e := d.troubleOf(smollm2, "hello")
		assert.Equal(t, 503, status)
		assert.Equal(t, "out_of_memory", e.Code)
		says(t, e.Message, "needs", "the memory budget is 64 MiB", "raise memory", "load.context")
	})

	t.Run("no RAM", func(t *testing.T) {
		d := start(t, strings.Replace("memory: 4096GiB"+oneModel, "cache_tokens: 8192", "cache_tokens: 100000000", 1))
		status, e := d.troubleOf(smollm2, "hello")
		assert.Equal(t, 503, status)
		assert.Equal(t, "out_of_memory", e.Code)
		says(t, e.Message, "100000000", "free", "load.cache_tokens")
	})

	t.Run("port taken", func(t *testing.T) {
		d := start(t, oneModel)
		cmd := exec.Command(filepath.Join(env.bin, "kakeyad"), "serve", "--config", d.config, "--listen", d.addr)
		cmd.Env = append(os.Environ(), "KAKEYAD_MODELS_DIR="+env.models, "KAKEYAD_DATA_DIR="+t.TempDir())
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, 1, exit.ExitCode())
		says(t, string(out), d.addr+" is taken by another program", "--listen HOST:PORT")
	})

	t.Run("no plugin", func(t *testing.T) {
		dir := t.TempDir()
		d := start(t, "plugins: {dir: "+dir+"}"+oneModel)
		status, e := d.troubleOf(smollm2, "hello")
		assert.Equal(t, 500, status)
		assert.Equal(t, "model_load_failed", e.Code)
		says(t, e.Message, `backend plugin "llamacpp"`, "put kakeya-backend-llamacpp into the plugin folder "+dir)
	})

	t.Run("old plugin", func(t *testing.T) {
		dir := t.TempDir()
		plugin := filepath.Join(dir, "kakeya-backend-llamacpp")
		require.NoError(t, os.WriteFile(plugin, []byte("#!/bin/sh\necho '1|99|unix|/nowhere|grpc|'\nexec sleep 600\n"), 0o700))
		d := start(t, "plugins: {dir: "+dir+"}"+oneModel)
		status, e := d.troubleOf(smollm2, "hello")
		assert.Equal(t, 500, status)
		assert.Equal(t, "model_load_failed", e.Code)
		says(t, e.Message, plugin, "it speaks API version 99, this daemon speaks 1", "install a plugin and a daemon of the same release")
	})

	t.Run("plugin ends", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "kakeya-backend-llamacpp"), []byte("#!/bin/sh\necho 'no GPU today' >&2\nexit 3\n"), 0o700))
		d := start(t, "plugins: {dir: "+dir+"}"+oneModel)
		status, e := d.troubleOf(smollm2, "hello")
		assert.Equal(t, 503, status)
		assert.Equal(t, "backend_unavailable", e.Code)
		says(t, e.Message, "llamacpp", "no GPU today")
	})
}
