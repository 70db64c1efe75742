package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/compare"
)

func TestCompareEndToEnd(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(path("prompts"), []byte("\"A cat sat.\"\n{\"name\": \"road\", \"prompt\": \"The end of the road.\"}\n"), 0o600))
	require.NoError(t, os.WriteFile(path("text"), []byte("A cat sat in the house at the end of the road."), 0o600))
	args := []string{"compare", "tiny", "other", "--config", fakeBackend(t), "--prompts", path("prompts"), "--text", path("text"), "--rounds", "2", "--tokens", "8"}

	out, err := run(t, append(args, "--json", path("r.json"), "--html", path("r.html"), "--fail-if", "differing_answers > 0 || kl > 0.001")...)
	require.NoError(t, err, out)
	assert.Contains(t, out, "asking (8 steps)")
	assert.Contains(t, out, "2 of 2")
	file, err := os.Open(path("r.json"))
	require.NoError(t, err)
	defer file.Close()
	r, err := compare.Read(file)
	require.NoError(t, err)
	reportKeepsItsSchema(t, path("r.json"))
	require.Len(t, r.Channels, 2)
	assert.Len(t, r.Samples, 8)
	assert.Equal(t, "road", r.Prompts[1].Name)
	assert.InDelta(t, 0, r.Channels[1].Agreement.KL.Value, 1e-3)
	assert.Positive(t, r.Channels[1].Perplexity.Value.Value)
	page, err := os.ReadFile(path("r.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "<svg")
	assert.NotContains(t, string(page), "http")

	out, err = run(t, append(args, "--fail-if", "top1_pct > 50")...)
	var failed conditionError
	require.ErrorAs(t, err, &failed, out)
	assert.Equal(t, 3, failed.ExitCode())
	assert.ErrorContains(t, err, "other: top1_pct > 50 holds: top1_pct is 100")

	_, err = run(t, append(args, "--fail-if", "accepted_pct < 50")...)
	require.ErrorContains(t, err, "accepted_pct of other was not measured")
	require.NotErrorAs(t, err, &failed)
}

// reportKeepsItsSchema holds a report's JSON to the schema that is published for it.
func reportKeepsItsSchema(t *testing.T, file string) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../core/compare/schema.json")
	require.NoError(t, err)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	report, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, schema.Validate(report))
	report.(map[string]any)["schema"] = "kakeyad-compare/0"
	require.Error(t, schema.Validate(report), "another version")
}

func TestCompareSaysWhatToDo(t *testing.T) {
	config := writeConfig(t, "models: {tiny: {file: none.gguf}}\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"tiny"}, "at least 2"},
		{[]string{"tiny", "tinny"}, "tiny"},
		{[]string{"tiny", "tiny", "--prompts", "/there/is/none"}, "no such file"},
		{[]string{"tiny", "tiny", "--per-kind", "0"}, "built-in prompts"},
		{[]string{"tiny", "tiny", "--fail-if", "pl_delta_pct > 1"}, "did you mean ppl_delta_pct"},
		{[]string{"tiny", "tiny", "--fail-if", "1 > 0"}, "names no metric"},
		{[]string{"tiny", "tiny", "--fail-if", "kl >"}, "is not one such as"},
		{[]string{"tiny", "tiny", "--fail-if", "kl + 1"}, "is not one such as"},
	} {
		_, err := run(t, append([]string{"compare", "--config", config}, c.args...)...)
		assert.ErrorContains(t, err, c.want, "%v", c.args)
	}
}
