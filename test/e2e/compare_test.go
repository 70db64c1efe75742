package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/compare"
)

// TestCompareRealChannels puts the real model beside itself with a coarse codec and with a drafter: the
// codec is seen in the distributions, the drafter nowhere.
func TestCompareRealChannels(t *testing.T) {
	dir := shortDir(t)
	report, page := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.html")
	cmd := exec.CommandContext(t.Context(), filepath.Join(env.bin, "kakeyad"), "compare",
		"smollm2-135m", "smollm2-135m@e8-q4", "smollm2-135m+ngram",
		"--models-dir", env.models, "--data-dir", dir, "--per-kind", "1", "--rounds", "1", "--tokens", "8",
		"--json", report, "--html", page, "--fail-if", "kv_ratio > 0")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed, "%s", out)
	require.Equal(t, 3, failed.ExitCode(), "the condition holds: %s", out)

	text, err := os.ReadFile(report)
	require.NoError(t, err)
	var r compare.Report
	require.NoError(t, json.Unmarshal(text, &r))
	schema, err := os.ReadFile("../../core/compare/schema.json")
	require.NoError(t, err)
	validator, _ := compile(t, string(schema))
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, validator.Validate(value))
	require.Len(t, r.Channels, 3)
	coarse, drafted := r.Channels[1], r.Channels[2]
	assert.Equal(t, "e8 q4", coarse.Codec)
	assert.Greater(t, coarse.Agreement.KL.Value, 0.01)
	assert.Equal(t, 4, drafted.Outputs.Of)
	if exact {
		assert.Equal(t, 4, drafted.Outputs.Equal)
		assert.Zero(t, drafted.Agreement.KL.Value)
	}
	for _, c := range r.Channels {
		assert.Positive(t, c.First.Median)
		assert.Positive(t, c.Generation.Median)
	}
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(html), "<svg")
	assert.NotContains(t, string(html), "http://")
}

// TestCompareInADaemon has a running daemon compare: its own channels, with parked pages, over the API.
func TestCompareInADaemon(t *testing.T) {
	d := start(t, oneModel)
	report := filepath.Join(d.dir, "r.json")
	cmd := exec.CommandContext(t.Context(), filepath.Join(env.bin, "kakeyad"), "compare", "--url", d.url,
		"smollm2-135m", "smollm2-135m@e8-q38", "--per-kind", "1", "--rounds", "1", "--tokens", "8", "--json", report)
	cmd.Env = append(os.Environ(), "TMPDIR="+d.dir, "KAKEYAD_DATA_DIR="+filepath.Join(d.dir, "other"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "parking (2 steps)")
	file, err := os.Open(report)
	require.NoError(t, err)
	defer file.Close()
	r, err := compare.Read(file)
	require.NoError(t, err)
	require.Len(t, r.Channels, 2)
	packed := r.Channels[1]
	assert.Equal(t, "e8 q38", packed.Codec)
	require.NotNil(t, packed.Parking)
	assert.Positive(t, packed.Parking.ParkedTokens)
	assert.Equal(t, packed.Parking.ParkedTokens, packed.Parking.RestoredTokens)
	assert.Less(t, packed.Parking.ParkedBytes, packed.Parking.NominalBytes)
	assert.Nil(t, r.Channels[0].Parking, "it parks nothing")
	kinds := map[string]bool{}
	for _, p := range r.Processes {
		kinds[p.Kind] = true
		assert.Positive(t, p.PeakBytes)
	}
	assert.True(t, kinds["backend"] && kinds["codec"], "%v", r.Processes)
	assert.Zero(t, d.pages().Sessions.Pages, "nothing of it stays")
	ask(t, d.client(), chatParams("What is the capital of France?"))
}
