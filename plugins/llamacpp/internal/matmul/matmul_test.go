package matmul_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/matmul"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/matmul/matmultest"
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

func TestKernelAgreesWithGGML(t *testing.T) {
	matmultest.Start()
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range []struct{ width, rows, columns, threads int }{
		{576, 192, 1, 2}, {576, 1536, 8, 2}, {1536, 576, 130, 2}, {32, 7, 3, 1}, {96, 5, 65, 2}, {2048, 9, 6, 2}, {64, 1, 1, 2},
	} {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			a, x := normal(r, s.width*s.rows), normal(r, s.width*s.columns)
			matmul.Enable(false)
			theirs, kept := matmultest.Multiply(a, x, s.width, s.threads)
			matmul.Enable(true)
			before := matmul.Calls()
			ours, _ := matmultest.Multiply(a, x, s.width, s.threads)
			if runtime.GOOS == "linux" && runtime.GOARCH == "amd64" {
				require.Greater(t, matmul.Calls(), before, "the kernel did not run")
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
func TestResultsDoNotDependOnTheBatch(t *testing.T) {
	matmultest.Start()
	matmul.Enable(true)
	r := rand.New(rand.NewPCG(3, 4))
	const width, rows, columns = 576, 200, 70
	a, x := normal(r, width*rows), normal(r, width*columns)
	all, _ := matmultest.Multiply(a, x, width, 2)
	for _, c := range []int{0, 1, 2, 3, 63, 64, 65, 69} {
		alone, _ := matmultest.Multiply(a, x[c*width:(c+1)*width], width, 1)
		assert.Equal(t, alone, all[c*rows:(c+1)*rows], "column %d", c)
	}
}
