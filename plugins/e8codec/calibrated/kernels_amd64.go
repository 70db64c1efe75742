//go:build !purego

package calibrated

import "golang.org/x/sys/cpu"

//go:generate go -C ../asm run . -kernels calibrated -pkg calibrated -out ../calibrated/kernels_amd64.s -stubs ../calibrated/stubs_amd64.go

var useAVX2 = cpu.X86.HasAVX2

// predict adds the sum of a [inputs] times weights [inputs/2, n, 2] to acc [n].
func predict(acc []int32, a, weights []int16) {
	if !useAVX2 {
		predictGeneric(acc, a, weights)
		return
	}
	_ = weights[len(a)*len(acc)-1]
	predictAVX2(&acc[0], &a[0], &weights[0], len(a)/2, len(acc))
}

// combine adds the sum of x [rows] times m [rows, len(y)] to y, row by row. Rows of zero are left out.
func combine(y, x, m []float32) {
	if !useAVX2 {
		combineGeneric(y, x, m)
		return
	}
	var some [256]float32
	var offsets [256]uint32
	for len(x) > 0 {
		k := min(len(some), len(x))
		n := 0
		for i, f := range x[:k] {
			some[n], offsets[n] = f, uint32(4*i*len(y))
			if f != 0 {
				n++
			}
		}
		if n > 0 {
			_ = m[k*len(y)-1]
			combineAVX2(&y[0], &some[0], &offsets[0], &m[0], n, len(y))
		}
		x, m = x[k:], m[k*len(y):]
	}
}
