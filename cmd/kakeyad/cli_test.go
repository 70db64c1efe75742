package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// run executes the command line and returns what it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return runIn(t, "", args...)
}

// runIn does so with something typed or piped in.
func runIn(t *testing.T, in string, args ...string) (string, error) {
	t.Helper()
	var out printed
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(strings.NewReader(in))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// printed is what a command printed, logs of its plugins included, which come from other goroutines.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kakeyad.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestVersion(t *testing.T) {
	out, err := run(t, "version")
	require.NoError(t, err)
	assert.Contains(t, out, "kakeyad dev, plugin API 1")
}

func TestHelpNamesEveryCommand(t *testing.T) {
	out, err := run(t, "--help")
	require.NoError(t, err)
	for _, name := range []string{"serve", "run", "pull", "list", "show", "rm", "ps", "version", "completion", "KAKEYAD_"} {
		assert.Contains(t, out, name)
	}
}

func TestShellsCompleteChannels(t *testing.T) {
	config := writeConfig(t, "models: {tiny: {file: none.gguf}}\nchannels: {pirate: {model: tiny}}\naliases: {small: tiny}\n")
	for _, command := range []string{"run", "show", "rm"} {
		out, err := run(t, "__complete", command, "--config", config, "")
		require.NoError(t, err)
		assert.Contains(t, out, "tiny\ttiny", command)
		assert.Contains(t, out, "pirate\t", command)
		assert.Contains(t, out, "small\tthe same as tiny", command)
		out, err = run(t, "__complete", command, "--config", config, "tiny", "")
		require.NoError(t, err)
		assert.NotContains(t, out, "pirate", "%s takes one channel", command)
	}
	out, err := run(t, "__complete", "show", "--config", writeConfig(t, "modls: {}\n"), "")
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(out, ":4\n"), "a broken configuration offers nothing, no files either: %s", out)
}

func TestCompletionIsAScript(t *testing.T) {
	out, err := run(t, "completion", "bash")
	require.NoError(t, err)
	assert.Contains(t, out, "__start_kakeyad")
}

func TestListShowsChannelsMissingFilesAndWarnings(t *testing.T) {
	path := writeConfig(t, `
models: {smollm2-135m: {file: there-is-none.gguf}}
channels:
  "smollm2-135m@e8-q4": {}
aliases: {small: smollm2-135m}
`)
	out, err := run(t, "list", "--config", path)
	require.NoError(t, err)
	assert.Contains(t, out, "smollm2-135m@e8-q4")
	assert.Contains(t, out, "(missing)")
	assert.Contains(t, out, "e8-q4")
	out, err = run(t, "list", "--config", path, "--json")
	require.NoError(t, err)
	assert.Contains(t, out, `"missing": true`)
	assert.Contains(t, out, `"warnings"`, "q4 warns")
}

func TestListSaysWhereAConfigurationIsWrong(t *testing.T) {
	path := writeConfig(t, "listen: 127.0.0.1:1\nmodls: {}\n")
	_, err := run(t, "list", "--config", path)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "kakeyad.yaml:2:")
	assert.Contains(t, err.Error(), "models", "the nearest key")
}

func TestPSPrintsWhatTheDaemonSays(t *testing.T) {
	daemon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "/v1/kakeya/stats", r.URL.Path)
		_, _ = w.Write([]byte(`{"pool":{"budget_bytes":1073741824,"used_bytes":104857600},
			"models":[{"model":"a.gguf:llamacpp#0123","state":"ready","bytes":104857600,"requests":2,"active":1,"slots":4,"finished":7,"pinned":true}]}`))
	}))
	defer daemon.Close()
	out, err := run(t, "ps", "--url", daemon.URL)
	require.NoError(t, err)
	assert.Contains(t, out, "a.gguf:llamacpp ")
	assert.Contains(t, out, "never (pinned)")
	assert.Contains(t, out, "100 MiB of 1024 MiB")
}

func TestPSWithoutADaemonSaysWhatToDo(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	_, err := run(t, "ps", "--url", gone.URL)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "kakeyad serve")
}

func TestUnloads(t *testing.T) {
	now := time.Unix(1000, 0)
	later := now.Add(90 * time.Second)
	assert.Equal(t, "in 1m30s", unloads(false, &later, now))
	assert.Equal(t, "-", unloads(false, nil, now))
	assert.Equal(t, "never (pinned)", unloads(true, &later, now))
}
