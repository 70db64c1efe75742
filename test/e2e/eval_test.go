package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/eval"
)

// TestEvalMeasuresARealModel scores a page of a book by SmolLM2 with the real codec, live.
func TestEvalMeasuresARealModel(t *testing.T) {
	dir := shortDir(t)
	picture := filepath.Join(dir, "r.svg")
	r := evaluate(t, dir, "smollm2-135m@e8-q38", "smollm2-135m@e8-q4-b2",
		"--text", "../../bench/texts/tom-sawyer.txt", "--context", "256", "--windows", "2", "--plot", picture, "--layers")
	require.Len(t, r.Results, 3)
	assert.Equal(t, 2*255, r.Tokens)

	base, fine, coarse := r.Results[0], r.Results[1], r.Results[2]
	assert.Equal(t, "smollm2-135m", base.Channel)
	assert.InDelta(t, 16, base.BitsPerElement, 1e-9)
	assert.InDelta(t, 23040, base.BytesPerToken, 1e-9)
	assert.Less(t, base.Perplexity.Value, 200.0)
	assert.Greater(t, base.Perplexity.Value, 5.0)

	assert.Less(t, fine.Codec.Bits, 6.4)
	assert.Less(t, fine.Codec.Bits, *fine.Codec.FixedBits)
	assert.Len(t, fine.Codec.SNR, 30)
	assert.Greater(t, *fine.Codec.SNR[0].K, 30.0)
	assert.Greater(t, fine.KL.Value, 0.0)
	assert.Less(t, fine.KL.Value, 0.02)

	assert.Len(t, coarse.Codec.SNR, 26, "two layers at each end are left alone")
	assert.Greater(t, coarse.KL.Value, 5*fine.KL.Value)
	assert.Less(t, coarse.BytesPerToken, fine.BytesPerToken)
	assert.FileExists(t, picture)
	left, err := filepath.Glob(filepath.Join(dir, "kakeyad-eval-*"))
	require.NoError(t, err)
	assert.Empty(t, left, "the distributions' file is gone")
}

// evaluate runs the command with arguments, keeps its own files in a folder and returns the report that it writes there.
func evaluate(t *testing.T, dir string, args ...string) (r eval.Report) {
	t.Helper()
	report := filepath.Join(dir, "r.json")
	cmd := exec.CommandContext(t.Context(), filepath.Join(env.bin, "kakeyad"),
		append([]string{"eval", "--models-dir", env.models, "--json", report}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &r))
	return r
}

// A calibration comes with the codec, so that a channel of e8k needs nothing but its name; what is measured is pages.
func TestEvalMeasuresPagesOfACalibration(t *testing.T) {
	r := evaluate(t, shortDir(t), "smollm2-135m@e8k-q15", "--text", "../../bench/texts/opticks.txt", "--context", "192", "--windows", "1")
	require.Len(t, r.Results, 2)
	x := r.Results[1]
	assert.Equal(t, "smollm2-135m@e8k-q15", x.ID)
	assert.Equal(t, "page", x.Codec.Params["form"])
	assert.Less(t, x.Codec.Bits, 2.2)
	assert.Less(t, x.KL.Value, 0.03)
}
