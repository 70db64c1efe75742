package calibrated

import "math"

// The decoder computes what the encoder computed, to the bit and on every machine: predictions are sums of whole
// numbers, and everything in float32 is done in one order, without operations that round once for two.

// asUnits makes whole numbers of channels.
func (u *Units) asUnits(a []int16, y []float32) { units(a, y, u.Mean, u.PerUnit) }

// expectGeneric adds sums times scale to mean.
func expectGeneric(y, mean []float32, sums []int32, scale []float32) {
	mean, sums, scale = mean[:len(y)], sums[:len(y)], scale[:len(y)]
	for i := range y {
		y[i] = mean[i] + float32(float32(sums[i])*scale[i])
	}
}

// unitsGeneric rounds (y - mean)·perUnit, at most MaxUnit in magnitude, ties to even.
func unitsGeneric(a []int16, y, mean, perUnit []float32) {
	const whole = 3 << 22 // what is added to this is rounded to a whole number, ties to even
	a, mean, perUnit = a[:len(y)], mean[:len(y)], perUnit[:len(y)]
	for i, v := range y {
		r := min(max(float32(float32(v-mean[i])*perUnit[i]), -MaxUnit), MaxUnit)
		a[i] = int16(int32(math.Float32bits(float32(r+whole))) - int32(math.Float32bits(whole)))
	}
}

// inverse is that of m [n, n], by elimination with the largest pivot of a column. Where there is none, it holds
// something that is no number.
func inverse(m []float32, n int) []float32 {
	a := make([]float64, n*2*n)
	for i := range n {
		for j := range n {
			a[i*2*n+j] = float64(m[i*n+j])
		}
		a[i*2*n+n+i] = 1
	}
	row := func(i int) []float64 { return a[i*2*n : (i+1)*2*n] }
	for k := range n {
		best := k
		for i := k + 1; i < n; i++ {
			if math.Abs(row(i)[k]) > math.Abs(row(best)[k]) {
				best = i
			}
		}
		p, q := row(k), row(best)
		if best != k {
			for j := range p {
				p[j], q[j] = q[j], p[j]
			}
		}
		f := 1 / p[k]
		for j := k; j < 2*n; j++ {
			p[j] *= f
		}
		for i := range n {
			r := row(i)
			g := r[k]
			if i == k || g == 0 {
				continue
			}
			for j, v := range p[k:] {
				r[k+j] -= float64(g * v)
			}
		}
	}
	out := make([]float32, n*n)
	for i := range n {
		for j := range n {
			out[i*n+j] = float32(row(i)[n+j])
		}
	}
	return out
}

// class is the class of a token by a layer's K and V, [2·width].
func (h *Chooser) class(both []float32) int {
	if len(h.Ends) == 0 {
		return 0
	}
	n := len(both) // a multiple of 16
	mean, perDev, weights, sizes := h.Mean[:n], h.PerDev[:n], h.Weights[:n], h.Weights[n:2*n]
	var sums [4]float32 // so that additions need not wait for one another
	for i := 0; i < n; i += len(sums) {
		for k := range sums {
			f := float32(both[i+k]-mean[i+k]) * perDev[i+k]
			f = min(max(f, -4), 4)
			g := math.Float32frombits(math.Float32bits(f) &^ (1 << 31))
			sums[k] += float32(weights[i+k]*f) + float32(sizes[i+k]*g)
		}
	}
	sum := h.Bias + ((sums[0] + sums[1]) + (sums[2] + sums[3]))
	c := 0
	for _, end := range h.Ends {
		if sum > end {
			c++
		}
	}
	return c
}
