package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/eval"
	"github.com/kakeyad/kakeyad/core/gguf/gguftest"
)

// fakeBackend builds the fake backend into a folder of plugins and answers with a configuration
// of two channels that it serves.
func fakeBackend(t *testing.T) (config string) {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "kakeya-backend-fake"), "../../core/plugin/backend/fake/kakeya-backend-fake")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "model.gguf"), gguftest.Model("Tiny", "{{ messages[0].content }}", 1000), 0o600))
	return writeConfig(t, strings.ReplaceAll(`
models_dir: DIR
plugins: {dir: DIR}
models: {tiny: {file: model.gguf}}
defaults: {backend: fake}
channels: {tiny: {}, other: {model: tiny, load: {batch: 64}}}
`, "DIR", dir))
}

func TestEvalEndToEnd(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(path("text"), []byte(strings.Repeat("A cat sat in the house at the end of the road. ", 50)), 0o600))
	config := fakeBackend(t)

	out, err := run(t, "eval", "other", "--config", config, "--text", path("text"), "--context", "64", "--windows", "3", "--json", path("r.json"))
	require.NoError(t, err, out)
	assert.Contains(t, out, "1 of 2: tiny (189 tokens)")
	assert.Contains(t, out, "2 of 2: other (189 tokens)")
	assert.Contains(t, out, "+0.00 to +0.00", "the same model")

	text, err := os.ReadFile(path("r.json"))
	require.NoError(t, err)
	var r eval.Report
	require.NoError(t, json.Unmarshal(text, &r))
	assert.Equal(t, eval.Schema, r.Schema)
	assert.Equal(t, "tiny", r.Baseline)
	assert.Equal(t, 189, r.Tokens)
	require.Len(t, r.Results, 2)
	assert.Greater(t, r.Results[1].Perplexity.Value, 1.0)
	assert.InDelta(t, 100, r.Results[1].Top1.Value, 0)

	shown, err := run(t, "eval", "--from", path("r.json"))
	require.NoError(t, err)
	assert.Contains(t, shown, "other")
	again, err := run(t, "eval", "other", "--config", config, "--text", path("text"), "--from", path("r.json"), "--json", "-")
	require.NoError(t, err)
	assert.JSONEq(t, string(text), again, "what is known is not measured again")
}

func TestEvalSaysWhatToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(file, []byte("text"), 0o600))
	config := writeConfig(t, "models: {tiny: {file: none.gguf}}\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "kakeyad list"},
		{[]string{"tiny"}, "--text FILE"},
		{[]string{"tiny", "--text", file, "--plot", "a.gif"}, ".svg or .png"},
		{[]string{"tiny", "--text", "/there/is/none"}, "no such file"},
		{[]string{"tinny", "--text", file}, "tiny"},
		{[]string{"tiny", "--text", file, "--baseline", "tinny"}, "baseline"},
		{[]string{"--from", file}, "read report"},
	} {
		_, err := run(t, append([]string{"eval", "--config", config}, c.args...)...)
		require.ErrorContains(t, err, c.want, "%v", c.args)
	}
}
