//go:build amd64 && !purego

package calibrated

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestKernelsEqualThePortableOnes(t *testing.T) {
	if !useAVX2 {
		t.Skip("this processor has no AVX2")
	}
	defer func(a, b bool) { useAVX512, useVNNI = a, b }(useAVX512, useVNNI)
	has, dot := useAVX512, useVNNI
	for _, use := range [][2]bool{{has, dot}, {has, false}, {false, false}} {
		useAVX512, useVNNI = use[0], use[1]
		kernelsEqualThePortableOnes(t)
	}
}

func kernelsEqualThePortableOnes(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 4))
	for _, n := range []int{8, 16, 56, 64, 72, 192, 256, 576} {
		for _, rows := range []int{2, 64, 192, 960} {
			a, w := make([]int16, rows), make([]int8, rows*n)
			for i := range a {
				a[i] = int16(rng.IntN(2*MaxUnit+1) - MaxUnit)
			}
			for i := range w {
				w[i] = int8(rng.IntN(256) - 128)
			}
			got, want := make([]int32, n), make([]int32, n)
			for i := range got {
				got[i] = rng.Int32N(1000)
			}
			copy(want, got)
			predict(got, a, w, 1)
			predictGeneric(want, a, w)
			if !slices.Equal(got, want) {
				t.Fatalf("%d inputs, %d outputs: the sums differ", rows, n)
			}
			const tokens = 15
			many, sums := make([]int16, tokens*rows), make([]int32, tokens*n)
			for i := range many {
				many[i] = int16(rng.IntN(2*MaxUnit+1) - MaxUnit)
			}
			predict(sums, many, w, tokens)
			for i := range tokens {
				clear(want)
				predictGeneric(want, many[i*rows:(i+1)*rows], w)
				if !slices.Equal(sums[i*n:(i+1)*n], want) {
					t.Fatalf("%d inputs, %d outputs: the sums of token %d differ", rows, n, i)
				}
			}
			x, m := make([]float32, rows), make([]float32, rows*n)
			for i := range x {
				if rng.IntN(2) == 0 {
					x[i] = float32(rng.NormFloat64())
				}
			}
			for i := range m {
				m[i] = float32(rng.NormFloat64())
			}
			u, v, scale := make([]int16, n), make([]int16, n), make([]float32, n)
			zero := make([]float32, n)
			for i := range scale {
				scale[i] = float32(rng.NormFloat64())
			}
			y, z := make([]float32, n), make([]float32, n)
			expect(y, m[:n], got, scale)
			expectGeneric(z, m[:n], got, scale)
			for i := range y { // also halves, which round to even
				if i%3 == 0 {
					y[i] = float32(rng.IntN(9000)-4500) / 2
					z[i] = y[i]
				}
			}
			for _, per := range []float32{1, 37.5} {
				for i := range scale {
					scale[i] = per
				}
				units(u, y, zero, scale)
				unitsGeneric(v, z, zero, scale)
				if !slices.Equal(y, z) || !slices.Equal(u, v) {
					t.Fatalf("%d outputs: what is expected or its units differ", n)
				}
			}
			clear(y)
			clear(z)
			combine(y, x, m)
			combineGeneric(z, x, m)
			if !slices.Equal(y, z) {
				t.Fatalf("%d rows, %d columns: the sums differ", rows, n)
			}
		}
	}
}
