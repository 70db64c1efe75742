package router

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func TestTemplateOfAModelWithoutOne(t *testing.T) {
	unknown := &model{}
	_, err := unknown.template("")
	require.ErrorIs(t, err, base.ErrInvalid)
	assert.ErrorContains(t, err, "/v1/completions")

	known := &model{info: backend.ModelInfo{Text: map[string]string{"eos": "<|im_end|>"}}}
	first, err := known.template("")
	require.NoError(t, err)
	again, err := known.template("")
	require.NoError(t, err)
	assert.Same(t, first, again, "compiled once")
	own, err := known.template("{{ messages[0].content }}")
	require.NoError(t, err)
	assert.NotSame(t, first, own)
}

func TestEstimateGrowsWithFileAndContext(t *testing.T) {
	small := estimate(100<<20, backend.LoadOptions{})
	assert.Greater(t, small, int64(100<<20))
	assert.Greater(t, estimate(200<<20, backend.LoadOptions{}), small)
	assert.Greater(t, estimate(100<<20, backend.LoadOptions{Context: 32768}), small)
	assert.Equal(t, small, estimate(100<<20, backend.LoadOptions{Context: 4096}))
}
