package evalplot

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/eval"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func report() *eval.Report {
	r := &eval.Report{Baseline: "tiny", Context: 512, Tokens: 1000, Results: []eval.Result{{Channel: "tiny", BytesPerToken: 2048}}}
	for i, q := range []string{"38", "10", "4"} {
		r.Results = append(r.Results, eval.Result{
			Channel: "tiny@e8-q" + q, BytesPerToken: 800 / float64(i+1), KL: eval.Estimate{Value: 0.001 * float64(i+1)},
			Codec: &eval.Codec{Name: "e8", Params: map[string]string{"q": q, "scaling": "head"}, Boundary: 2},
		})
	}
	r.Results = append(r.Results, eval.Result{Channel: "cache", BytesPerToken: 900, KL: eval.Estimate{Value: 0.01}, KVTypeK: "q8_0", KVTypeV: "q4_0"})
	return r
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	for name, magic := range map[string]string{"a.svg": "<?xml", "a.PNG": "\x89PNG"} {
		file := filepath.Join(dir, name)
		require.NoError(t, Save(report(), file))
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.True(t, bytes.HasPrefix(got, []byte(magic)), name)
		if filepath.Ext(name) == ".svg" {
			for _, want := range []string{"q38", "q10", "q4", "e8, head, boundary 2", "q8_0/q4_0", "KL divergence"} {
				assert.Contains(t, string(got), ">"+want)
			}
		}
	}
}

func TestSaveRefuses(t *testing.T) {
	dir := t.TempDir()
	require.ErrorIs(t, Save(report(), filepath.Join(dir, "a.gif")), base.ErrInvalid)
	r := report()
	r.Results = r.Results[:1]
	require.ErrorIs(t, Save(r, filepath.Join(dir, "a.svg")), base.ErrInvalid)
}

func TestFamiliesAreInOrderOfBytes(t *testing.T) {
	got := ""
	for _, f := range familiesOf(report()) {
		got += fmt.Sprint(f.name, f.labels, " ")
	}
	assert.Equal(t, "e8, head, boundary 2[q4 q10 q38] the backend's own cache[q8_0/q4_0] ", got)
}

func TestTicks(t *testing.T) {
	text := func(low, high float64) string {
		var labels []string
		for _, x := range (ticks{}).Ticks(low, high) {
			labels = append(labels, x.Label)
		}
		return strings.Join(labels, ",")
	}
	assert.Equal(t, "4000,5000,6000,7000,8000,9000,10000", text(3500, 12000))
	assert.Equal(t, "0.001,0.002,,,0.005,,,,,0.01,0.02", text(0.001, 0.02))
}
