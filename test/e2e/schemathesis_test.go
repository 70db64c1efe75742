package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api/openapi"
)

// shortAnswers lets a model say little: schemathesis asks for much, and reads none of it.
const shortAnswers = `
models:
  smollm2-135m: {file: SmolLM2-135M-Instruct.Q4_1.gguf}
channels:
  smollm2-135m:
    limits: {max_tokens: 2, max_prompt_tokens: 256}
    load: {context: 512, parallel: 8, cache_tokens: 4096}
`

// schemathesis makes up requests by openapi.yaml, good and bad ones, and holds the answers against it: no answer is an
// error of the daemon's, each has a status, a content type and a body that are described, bad requests are refused.
//
// Good requests may be refused all the same, so that is not asked: a grammar may be none, a schema may be beyond what
// can bind an answer, a prompt may be too long.
func TestSchemathesis(t *testing.T) {
	d := start(t, shortAnswers)
	var document map[string]any
	require.NoError(t, yaml.Unmarshal(openapi.Document, &document))
	schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
	schemas["ModelName"].(map[string]any)["enum"] = []any{smollm2} // most requests should reach the model
	described, err := yaml.Marshal(document)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "openapi.yaml")
	require.NoError(t, os.WriteFile(file, described, 0o600))

	cmd := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(env.python), "schemathesis"), "run", file,
		"--url", d.url, "--seed", "1", "--max-examples", "10", "--workers", "1", "--phases", "examples,coverage,fuzzing", "--mode", "all",
		"--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,negative_data_rejection,unsupported_method",
		"--request-timeout", "60", "--no-color")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(lastLines(string(out), 12))
}
