package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShowAndRmOfAModelThatADaemonServes(t *testing.T) {
	file := fakeBackend(t)
	d := startDaemon(t, file, "aliases: {small: tiny}\n")
	at := []string{"--config", file, "--listen", d.listener.Addr().String()}
	model := d.config.Set.All()[0].Model.Path
	daemon, err := remoteOf(d.config, d.listener.Addr().String(), "")
	require.NoError(t, err)

	out, err := run(t, append([]string{"show", "small"}, at...)...)
	require.NoError(t, err)
	for _, want := range []string{
		`(?m)^tiny$`, `state +not loaded`, `also named +small`, `backend +fake`, `KV codec +none`, `name +Tiny`, `architecture +llama`,
		`trained context +2048 tokens`, `heads +4, of which 2 for K and V, head_dim 8`, `KV cache +128 bytes a token`, `chat template +in the file`,
	} {
		assert.Regexp(t, want, out)
	}
	out, err = run(t, append([]string{"show", "tiny", "--template"}, at...)...)
	require.NoError(t, err)
	assert.Equal(t, "{{ messages[0].content }}\n", out)

	require.NoError(t, daemon.ask(t.Context(), "/v1/kakeya/load", map[string]string{"model": "tiny"}, new(struct{})))
	out, err = run(t, append([]string{"show", "tiny", "--json"}, at...)...)
	require.NoError(t, err)
	var s shown
	require.NoError(t, json.Unmarshal([]byte(out), &s))
	assert.Equal(t, "loaded", s.State)
	assert.Equal(t, model, s.File)
	require.NotNil(t, s.Header)
	assert.EqualValues(t, 128, s.Header.KVBytesPerToken)

	_, err = run(t, append([]string{"rm", "other", "--yes"}, at...)...)
	require.ErrorContains(t, err, "is in use", "by another channel of the file, too")
	require.ErrorContains(t, err, "unload it first")
	assert.FileExists(t, model)
	require.NoError(t, daemon.ask(t.Context(), "/v1/kakeya/unload", map[string]string{"model": "tiny"}, new(struct{})))
	out, err = run(t, append([]string{"rm", "other", "--yes"}, at...)...)
	require.NoError(t, err)
	assert.Contains(t, out, "removed "+model)
	assert.NoFileExists(t, model)
	out, err = run(t, append([]string{"show", "tiny"}, at...)...)
	require.NoError(t, err)
	assert.Regexp(t, `state +missing`, out)
}

func TestShowWithoutADaemon(t *testing.T) {
	file := writeConfig(t, "listen: 127.0.0.1:1\nmodels: {tiny: {file: broken.gguf}}\n")
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(file), "broken.gguf"), []byte("PK"), 0o600))
	out, err := run(t, "show", "tiny", "--config", file, "--models-dir", filepath.Dir(file))
	require.NoError(t, err)
	assert.Regexp(t, `state +the daemon does not run`, out)
	assert.Regexp(t, `cannot be read +.*not a GGUF file`, out)
	_, err = run(t, "show", "tiny", "--template", "--config", file, "--models-dir", filepath.Dir(file))
	require.ErrorContains(t, err, "has no chat template")
	_, err = run(t, "show", "tinny", "--config", file)
	require.ErrorContains(t, err, "tiny", "the nearest name")
}

func TestRmAsks(t *testing.T) {
	file := writeConfig(t, "listen: 127.0.0.1:1\nmodels: {big: {file: big-00001-of-00002.gguf}}\nchannels: {big: {}, pirate: {model: big}}\n")
	folder := filepath.Dir(file)
	first, second := filepath.Join(folder, "big-00001-of-00002.gguf"), filepath.Join(folder, "big-00002-of-00002.gguf")
	for _, part := range []string{first, second} {
		require.NoError(t, os.WriteFile(part, make([]byte, 1<<20), 0o600))
	}
	rm := []string{"rm", "big", "--config", file, "--models-dir", folder}
	for _, answer := range []string{"", "n\n", "\n", "what?\n"} {
		out, err := runIn(t, answer, rm...)
		require.ErrorContains(t, err, "nothing was removed", "%q", answer)
		assert.Contains(t, out, "Remove "+first+", "+second+" (2 MiB)?")
		assert.Contains(t, out, "These channels use it: big, pirate.")
	}
	assert.FileExists(t, first)
	out, err := runIn(t, "Y\n", rm...)
	require.NoError(t, err)
	assert.Contains(t, out, "removed "+first)
	assert.NoFileExists(t, first)
	assert.NoFileExists(t, second)
	_, err = run(t, append(rm, "--yes")...)
	require.ErrorContains(t, err, "there is no file")
}

func TestRmRefusesWhereADaemonDoesNotSayWhatItHas(t *testing.T) {
	file := writeConfig(t, "models: {tiny: {file: tiny.gguf}}\n")
	folder := filepath.Dir(file)
	model := filepath.Join(folder, "tiny.gguf")
	require.NoError(t, os.WriteFile(model, []byte("a model"), 0o600))
	served := writeConfig(t, "models: {tiny: {file: none.gguf}}\n")
	d := startDaemon(t, served, certificate(t))
	_, err := run(t, "rm", "tiny", "--yes", "--config", file, "--models-dir", folder, "--listen", d.listener.Addr().String())
	require.ErrorContains(t, err, "whether the model is in use")
	assert.FileExists(t, model)
}
