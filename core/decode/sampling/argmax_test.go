package sampling

import (
	"math/rand/v2"
	"testing"
)

func randomLogits(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	l := make([]float32, n)
	for i := range l {
		l[i] = float32(r.NormFloat64() * 3)
	}
	return l
}

func BenchmarkArgmax(b *testing.B) {
	l := randomLogits(49152, 1)
	for b.Loop() {
		argmax(l)
	}
}
