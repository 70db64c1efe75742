package executor_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/plugins/internal/testmodel"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/executor"
)

// TestWindowPasses fills a cache until cells that a sliding window has left are given to another sequence.
// A cut that would need them is refused, as are copies and pages; what needs none of them works.
func TestWindowPasses(t *testing.T) {
	path := testmodel.Gemma3(t)
	o := flash()
	o.Cells, o.Batch = 1024, 512
	x := open(t, path, o)
	require.NoError(t, x.Park(t.Context(), executor.ParkOptions{}))
	tokens := longText(t, path, 700)
	fill := func(seq engine.SeqID, n int) {
		for from := 0; from < n; from += 350 {
			require.NoError(t, x.Step(textItems(seq, from, tokens[from:min(from+350, n)])))
		}
	}
	fill(1, 300)
	fill(0, 700)
	require.True(t, x.SeqRemove(1, 0, -1))
	fill(1, 310)
	_, ok := x.CopyCells(0, 0)
	require.False(t, ok, "the first page has lost cells")
	require.False(t, x.SeqCopy(0, 2, 300))
	require.False(t, x.SeqRemove(0, 300, -1))
	require.True(t, x.SeqCopy(0, 2, 600))
	require.True(t, x.SeqCopy(1, 3, 200))

	require.NoError(t, x.Step(textItems(0, 700, tokens[:1])))
	got := slices.Clone(x.Logits(0))
	alone := open(t, path, o)
	for from := 0; from < 700; from += 350 {
		require.NoError(t, alone.Step(textItems(0, from, tokens[from:from+350])))
	}
	require.NoError(t, alone.Step(textItems(0, 700, tokens[:1])))
	require.Equal(t, alone.Logits(0), got)
}
