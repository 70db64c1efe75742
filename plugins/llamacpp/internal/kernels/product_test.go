package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kernels"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/kernels/kerneltest"
)

func normal(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

// difference is the largest one of two products of normal numbers, as a share of a result's standard deviation.
func difference(a, b []float32, width int) float64 {
	worst := 0.0
	for i := range a {
		worst = math.Max(worst, math.Abs(float64(a[i])-float64(b[i])))
	}
	return worst / math.Sqrt(float64(width))
}

func TestProductAgreesWithGGML(t *testing.T) {
	kerneltest.Start()
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range []struct{ kind, width, rows, columns, threads int }{
		{kerneltest.Q4_1, 576, 192, 1, 2}, {kerneltest.Q4_1, 576, 1536, 8, 2}, {kerneltest.Q4_1, 1536, 576, 130, 2},
		{kerneltest.Q4_1, 32, 7, 3, 1}, {kerneltest.Q4_1, 96, 5, 65, 2}, {kerneltest.Q4_1, 2048, 9, 6, 2}, {kerneltest.Q4_1, 64, 1, 1, 2},
		{kerneltest.Q4_K, 256, 7, 1, 1}, {kerneltest.Q4_K, 768, 33, 70, 2}, {kerneltest.Q4_K, 2048, 96, 6, 2},
	} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			a, x := normal(r, s.width*s.rows), normal(r, s.width*s.columns)
			kernels.Product.Enable(false)
			theirs, kept := kerneltest.Multiply(s.kind, a, x, s.width, s.threads)
			kernels.Product.Enable(true)
			before := kernels.Product.Calls()
			ours, _ := kerneltest.Multiply(s.kind, a, x, s.width, s.threads)
			if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
				require.Greater(t, kernels.Product.Calls(), before, "the kernel did not run")
			}
			assert.Less(t, difference(ours, theirs, s.width), 5e-6, "the same sums in another order")

			want := make([]float32, len(ours)) // from the kept weights and exact activations: 8 bits are lost
			for c := range s.columns {
				for row := range s.rows {
					sum := 0.0
					for i := range s.width {
						sum += float64(kept[row*s.width+i]) * float64(x[c*s.width+i])
					}
					want[c*s.rows+row] = float32(sum)
				}
			}
			assert.Less(t, difference(ours, want, s.width), 0.05)
		})
	}
}

// A column's results do not depend on the columns beside it, nor on the number of threads: bit for bit.
func TestProductsDoNotDependOnTheBatch(t *testing.T) {
	kerneltest.Start()
	kernels.Product.Enable(true)
	for name, kind := range map[string]int{
		"F16": kerneltest.F16, "Q4_0": kerneltest.Q4_0, "Q4_1": kerneltest.Q4_1, "Q5_0": kerneltest.Q5_0, "Q5_1": kerneltest.Q5_1,
		"Q8_0": kerneltest.Q8_0, "Q4_K": kerneltest.Q4_K, "Q6_K": kerneltest.Q6_K,
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			const width, rows, columns = 768, 200, 71
			a, x := normal(r, width*rows), normal(r, width*columns)
			all, _ := kerneltest.Multiply(kind, a, x, width, 2)
			for _, part := range [][2]int{{0, 1}, {1, 2}, {2, 3}, {70, 71}, {0, 2}, {5, 8}, {9, 13}, {20, 25}, {30, 37}, {3, 70}} {
				some, _ := kerneltest.Multiply(kind, a, x[part[0]*width:part[1]*width], width, 1)
				assert.True(t, slices.Equal(some, all[part[0]*rows:part[1]*rows]), "columns %v", part)
			}
		})
	}
}
