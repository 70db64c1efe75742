package kernel

import "math"

// Exp replaces x by e^(x-shift) and returns the sum. len(x) is a multiple of 16.
func Exp(x []float32, shift float32) float32 {
	if len(x) == 0 {
		return 0
	}
	return exp(x, shift)
}

// Max is the largest of x, whose length is a positive multiple of 16.
func Max(x []float32) float32 { return top(x) }

// Gate replaces g by u·g/(1+e^-g), element by element. Lengths are equal, a multiple of 16.
func Gate(g, u []float32) {
	if len(g) != 0 {
		gateOf(g, u[:len(g)])
	}
}

// Norm writes each row of x, [n, width], divided by its root mean square and times weight; nil: 1.
func Norm(dst, x []float32, n int, weight []float32, eps float32) {
	width := len(x) / n
	for i := range n {
		in, out := x[i*width:][:width], dst[i*width:][:width]
		var sum [4]float32
		for j := 0; j+4 <= width; j += 4 {
			sum[0] += in[j] * in[j]
			sum[1] += in[j+1] * in[j+1]
			sum[2] += in[j+2] * in[j+2]
			sum[3] += in[j+3] * in[j+3]
		}
		scale := float32(1 / math.Sqrt(float64((sum[0]+sum[1]+sum[2]+sum[3])/float32(width)+eps)))
		if weight == nil {
			for j, v := range in {
				out[j] = v * scale
			}
			continue
		}
		for j, v := range in {
			out[j] = v * scale * weight[j]
		}
	}
}

// Add adds x to dst.
func Add(dst, x []float32) {
	for i, v := range x {
		dst[i] += v
	}
}

// Rotate turns the pairs (i, i+half) of each head of x, [heads, 2·half], by the angles whose cosines
// and sines are given, [half].
func Rotate(x, cos, sin []float32) {
	half := len(cos)
	for ; len(x) > 0; x = x[2*half:] {
		a, b := x[:half], x[half:][:half]
		for i, c := range cos {
			s := sin[i]
			a[i], b[i] = a[i]*c-b[i]*s, b[i]*c+a[i]*s
		}
	}
}

func expGeneric(x []float32, shift float32) float32 {
	sum := float32(0)
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - shift)))
		sum += x[i]
	}
	return sum
}

func gateGeneric(g, u []float32) {
	for i, v := range g {
		g[i] = u[i] * float32(float64(v)/(1+math.Exp(-float64(v))))
	}
}
