//go:build !purego

package calibrated

import "golang.org/x/sys/cpu"

//go:generate go -C ../asm run . -kernels calibrated -pkg calibrated -out ../calibrated/kernels_amd64.s -stubs ../calibrated/stubs_amd64.go

var (
	useAVX2   = cpu.X86.HasAVX2
	useAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW
	useVNNI   = useAVX512 && cpu.X86.HasAVX512VNNI
)

// predict adds the sums of a [tokens, inputs] times weights [inputs/2, n, 2] to acc [tokens, n].
func predict(acc []int32, a []int16, weights []int8, tokens int) {
	inputs, n := len(a)/tokens, len(acc)/tokens
	_ = weights[inputs*n-1]
	t := 0
	for ; useVNNI && n%16 == 0 && t+8 <= tokens; t += 8 {
		predict8VNNI(&acc[t*n], &a[t*inputs], &weights[0], inputs/2, n)
	}
	for ; useAVX512 && n%16 == 0 && t+4 <= tokens; t += 4 {
		predict4AVX512(&acc[t*n], &a[t*inputs], &weights[0], inputs/2, n)
	}
	for ; t < tokens; t++ {
		if useAVX2 {
			predictAVX2(&acc[t*n], &a[t*inputs], &weights[0], inputs/2, n)
		} else {
			predictGeneric(acc[t*n:(t+1)*n], a[t*inputs:(t+1)*inputs], weights)
		}
	}
}

// expect adds sums times scale to mean.
func expect(y, mean []float32, sums []int32, scale []float32) {
	if !useAVX2 || len(y)%8 != 0 {
		expectGeneric(y, mean, sums, scale)
		return
	}
	_, _, _ = mean[len(y)-1], sums[len(y)-1], scale[len(y)-1]
	expectAVX2(&y[0], &mean[0], &sums[0], &scale[0], len(y))
}

// units rounds (y - mean)·perUnit, at most MaxUnit in magnitude, ties to even.
func units(a []int16, y, mean, perUnit []float32) {
	if !useAVX2 || len(y)%8 != 0 {
		unitsGeneric(a, y, mean, perUnit)
		return
	}
	_, _, _ = a[len(y)-1], mean[len(y)-1], perUnit[len(y)-1]
	unitsAVX2(&a[0], &y[0], &mean[0], &perUnit[0], len(y))
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
			if useAVX512 && len(y)%16 == 0 {
				combineAVX512(&y[0], &some[0], &offsets[0], &m[0], n, len(y))
			} else {
				combineAVX2(&y[0], &some[0], &offsets[0], &m[0], n, len(y))
			}
		}
		x, m = x[k:], m[k*len(y):]
	}
}
