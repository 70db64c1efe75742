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
	report, picture := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.svg")
	cmd := exec.CommandContext(t.Context(), filepath.Join(env.bin, "kakeyad"), "eval", "smollm2-135m@e8-q38", "smollm2-135m@e8-q4-b2",
		"--models-dir", env.models, "--text", "../../bench/texts/tom-sawyer.txt", "--context", "256", "--windows", "2",
		"--json", report, "--plot", picture, "--layers")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	var r eval.Report
	require.NoError(t, json.Unmarshal(text, &r))
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

// A calibration comes with the codec, so that a channel of e8k needs nothing but its name; what is measured is pages.
func TestEvalMeasuresPagesOfACalibration(t *testing.T) {
	dir := shortDir(t)
	report := filepath.Join(dir, "r.json")
	cmd := exec.CommandContext(t.Context(), filepath.Join(env.bin, "kakeyad"), "eval", "smollm2-135m@e8k-q15",
		"--models-dir", env.models, "--text", "../../bench/texts/opticks.txt", "--context", "192", "--windows", "1", "--json", report)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	var r eval.Report
	require.NoError(t, json.Unmarshal(text, &r))
	require.Len(t, r.Results, 2)
	x := r.Results[1]
	assert.Equal(t, "smollm2-135m@e8k-q15", x.ID)
	assert.Equal(t, "page", x.Codec.Params["form"])
	assert.Less(t, x.Codec.Bits, 2.2)
	assert.Less(t, x.KL.Value, 0.03)
}
