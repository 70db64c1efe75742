package sampling

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExp(t *testing.T) {
	for x := 0.0; x > -690; x -= 0.00137 {
		want := math.Exp(x)
		if diff := math.Abs(exp(x) - want); diff > 1e-9*want {
			t.Fatalf("exp(%v) is %v, want %v", x, exp(x), want)
		}
	}
	require.Equal(t, 1.0, exp(0))
	require.Zero(t, exp(-1000))
	require.Zero(t, exp(math.Inf(-1)))
}

func BenchmarkSumExp(b *testing.B) {
	l := randomLogits(49152, 1)
	for b.Loop() {
		sumExp(l, 12, 1)
	}
}

func BenchmarkSumMathExp(b *testing.B) {
	l := randomLogits(49152, 1)
	for b.Loop() {
		var sum float64
		for _, v := range l {
			sum += math.Exp(float64(v) - 12)
		}
	}
}
