//go:build !amd64 || purego

package calibrated

// predict adds the sums of a [tokens, inputs] times weights [inputs/2, n, 2] to acc [tokens, n].
func predict(acc []int32, a []int16, weights []int8, tokens int) {
	inputs, n := len(a)/tokens, len(acc)/tokens
	for t := range tokens {
		predictGeneric(acc[t*n:(t+1)*n], a[t*inputs:(t+1)*inputs], weights)
	}
}

func expect(y, mean []float32, sums []int32, scale []float32) { expectGeneric(y, mean, sums, scale) }
func units(a []int16, y, mean, perUnit []float32)             { unitsGeneric(a, y, mean, perUnit) }

// combine adds the sum of x [rows] times m [rows, len(y)] to y, row by row. Rows of zero are left out.
func combine(y, x, m []float32) { combineGeneric(y, x, m) }
