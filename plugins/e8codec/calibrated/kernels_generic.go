package calibrated

// predictGeneric adds the sum of a [inputs] times weights [inputs/2, n, 2] to acc [n].
func predictGeneric(acc []int32, a []int16, weights []int8) {
	n := len(acc)
	for i := 0; i < len(a); i += 2 {
		u, v := int32(a[i]), int32(a[i+1])
		w := weights[i*n : (i+2)*n]
		if u|v == 0 {
			continue
		}
		for j := range acc {
			acc[j] += u*int32(w[2*j]) + v*int32(w[2*j+1])
		}
	}
}

// combineGeneric adds the sum of x [rows] times m [rows, len(y)] to y, row by row. Rows of zero are left out.
func combineGeneric(y, x, m []float32) {
	n := len(y)
	for i, f := range x {
		if f == 0 {
			continue
		}
		row := m[i*n : (i+1)*n]
		for j, r := range row {
			y[j] = y[j] + float32(f*r)
		}
	}
}
