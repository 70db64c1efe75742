package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// learning is what a Python says that learns without torch.
const learning = `#!/bin/sh
read request
echo '{"stage": "read", "done": 0, "all": 1}'
echo '{"stage": "gather", "done": 0, "all": 12}'
echo '{"stage": "learn", "done": 30, "all": 30}'
echo '{"result": {"bytes": 14700000, "off": 0.031, "rates": [{"q": 8, "step": 2, "page": 0.83, "random": 1.5}, {"q": 13, "step": 1, "page": 1.33, "random": 2.1}],
 "measured": [{"form": "page", "step": 1, "bits": 1.61, "kl": 0.0072, "dppl": 0.7, "top1": 94.1}, {"form": "random", "step": 1, "bits": 2.44, "kl": 0.0081, "dppl": 0.6, "top1": 93.7}]}}' | tr -d '\n'
echo
`

func TestCalibrateEndToEnd(t *testing.T) {
	config := fakeBackend(t)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	build := exec.Command("go", "build", "-o", path("kakeya-codec-e8k"), "../../plugins/e8codec/kakeya-codec-e8k")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile(config)
	require.NoError(t, err)
	listed := strings.Replace(string(text), "plugins: {", "plugins: {list: [{kind: codec, name: e8k, path: "+path("kakeya-codec-e8k")+"}], ", 1)
	require.NoError(t, os.WriteFile(config, []byte(listed), 0o600))
	require.NoError(t, os.WriteFile(path("text"), []byte(strings.Repeat("A cat sat in the house at the end of the road. ", 2000)), 0o600))
	require.NoError(t, os.WriteFile(path("python"), []byte(learning), 0o755))
	args := []string{"calibrate", "tiny", "--config", config, "--text", path("text"), "--windows", "12"}

	said, err := run(t, append(args, "--python", path("python"))...)
	require.NoError(t, err, said)
	for _, want := range []string{
		"1 of 5: making tokens of the texts (2 steps)", "3 of 5: what the model is sensitive to (12 windows)", "4 of 5: learning (30 layers)",
		"14.7 MB, learned from 12 windows", "0.031 nats", "of 1024 others", "such as tiny@e8k-q8",
	} {
		assert.Contains(t, said, want)
	}
	assert.Regexp(t, `13 +1.33 +2.10 +page +1.61 +0.00720 +\+0.70 +94.1`, said)
	assert.Regexp(t, `(?m)^ +random +2.44 +0.00810`, said)
	assert.NotContains(t, said, "warning")

	said, err = run(t, append(args, "--python", path("python"), "--out", path("mine.e8k"), "--work", path("kept"))...)
	require.NoError(t, err, said)
	assert.Contains(t, said, "params: {calibration: "+path("mine.e8k")+"}")
	assert.Contains(t, said, "is kept in "+path("kept"))

	_, err = run(t, append(args, "--python", path("none"))...)
	require.ErrorContains(t, err, "there is no Python at")
	_, err = run(t, append(args, "--text", "../../bench/texts/opticks.txt", "--python", path("none"))...)
	require.Error(t, err)
	said, err = run(t, append(args, "--text", "../../bench/texts/opticks.txt", "--python", path("python"))...)
	require.NoError(t, err)
	assert.Contains(t, said, "warning: opticks.txt has passages of bench/texts")

	require.NoError(t, os.WriteFile(path("text"), []byte("A cat sat."), 0o600))
	_, err = run(t, append(args, "--python", path("python"))...)
	require.ErrorContains(t, err, "the texts are too short: they have 0 whole windows of 512 tokens, at least 10 are needed")
}

func TestCalibrateSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(file, []byte("text"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "there.gguf"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "there.e8k"), nil, 0o600))
	config := writeConfig(t, "models_dir: "+dir+"\nplugins: {dir: "+dir+"}\nmodels: {tiny: {file: none.gguf}, there: {file: there.gguf}}\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "accepts 1 arg"},
		{[]string{"there"}, "--text FILE"},
		{[]string{"there", "--text", "/there/is/none", "--force"}, "no such file"},
		{[]string{"there", "--text", file}, "there.e8k is there already: --force replaces it, --out names another file"},
		{[]string{"there", "--text", file, "--force"}, "there is no codec e8k in " + dir},
		{[]string{"there", "--text", file, "--windows", "0"}, "--windows"},
		{[]string{"tiny", "--text", file}, "there is no model file"},
		{[]string{"tinny", "--text", file}, "tiny"},
	} {
		_, err := run(t, append([]string{"calibrate", "--config", config}, c.args...)...)
		assert.ErrorContains(t, err, c.want, "%v", c.args)
	}
}
