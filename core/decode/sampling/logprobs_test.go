package sampling

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func TestLogprobs(t *testing.T) {
	for _, n := range []int{1, 2, 7, 1000, 5003} {
		logits := randomLogits(n, uint64(n))
		if n > 10 {
			logits[3], logits[5] = negInf, logits[4]
		}
		var sum float64
		for _, l := range logits {
			sum += math.Exp(float64(l))
		}
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case logits[a] > logits[b]:
				return -1
			case logits[a] < logits[b]:
				return 1
			}
			return 0
		})
		got, err := Logprobs(logits, backend.Token(n/2), 20)
		require.NoError(t, err)
		require.InDelta(t, float64(logits[n/2])-math.Log(sum), got.Logprob, 1e-5)
		require.EqualValues(t, n/2, got.Token)
		require.Len(t, got.Top, min(n, 20))
		for i, top := range got.Top {
			require.EqualValues(t, order[i], top.Token)
			require.InDelta(t, float64(logits[order[i]])-math.Log(sum), top.Logprob, 1e-5)
		}
	}
	_, err := Logprobs([]float32{1, 2}, 2, 1)
	require.ErrorIs(t, err, base.ErrInvalid)
	_, err = Logprobs([]float32{negInf}, 0, 1)
	require.ErrorIs(t, err, ErrNoToken)

	// Far from zero nothing overflows.
	got, err := Logprobs([]float32{1e30, 1e30}, 0, 0)
	require.NoError(t, err)
	require.InDelta(t, math.Log(0.5), got.Logprob, 1e-6)
}

func BenchmarkLogprobs(b *testing.B) {
	l := randomLogits(49152, 1)
	for b.Loop() {
		_, _ = Logprobs(l, 5, 20)
	}
}
