//go:build !amd64 || purego

package kernel

import "slices"

// Fast is whether this CPU runs the generated kernels.
const Fast = false

func multiply(m *Matrix, y []float32, v *Vectors, from, to int) { multiplyGeneric(m, y, v, from, to) }

func score(s []float32, sStride int, q []float32, n int, keys []float32, width int) {
	scoreGeneric(s, sStride, q, n, keys, width)
}

func weigh(o []float32, oStride int, p []float32, pStride, n int, values []float32, vStride, count int) {
	weighGeneric(o, oStride, p, pStride, n, values, vStride, count)
}

func exp(x []float32, shift float32) float32 { return expGeneric(x, shift) }

func gateOf(g, u []float32) { gateGeneric(g, u) }

func top(x []float32) float32 { return slices.Max(x) }
