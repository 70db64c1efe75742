//go:build !purego

package kernel

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go -C ../../../../tools/dflash-kernels run . -pkg kernel -out ../../plugins/speculative/dflash/kernel/kernels_amd64.s -stubs ../../plugins/speculative/dflash/kernel/stubs_amd64.go

// Fast is whether this CPU runs the generated kernels.
var Fast = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VNNI

// Kernels by how many vectors they take, less one.
var (
	multiplies = [...]func(*float32, uintptr, *byte, *float32, *int8, uintptr, *float32, *int32, uintptr){
		multiply1, multiply2, multiply3, multiply4, multiply5, multiply6, multiply7, multiply8,
	}
	scoring  = [...]func(*float32, uintptr, *float32, uintptr, *float32, uintptr){scores1, scores2, scores3, scores4, scores5, scores6, scores7, scores8}
	weighing = [...]func(*float32, uintptr, *float32, uintptr, *float32, uintptr, uintptr){weigh1, weigh2, weigh3, weigh4}
)

func multiply(m *Matrix, y []float32, v *Vectors, from, to int) {
	if !Fast {
		multiplyGeneric(m, y, v, from, to)
		return
	}
	groups, rows := m.Columns/Group, to-from
	for i := 0; i < v.N; {
		n := min(v.N-i, len(multiplies))
		for r := from; r < to; r += Tile {
			multiplies[n-1](&y[i*rows+r-from], bytesOf(rows), &m.tiles[r*m.Columns], &m.scales[r], &v.values[i*m.Columns], uintptr(m.Columns),
				&v.scales[i*groups], &v.starts[i*groups], uintptr(groups))
		}
		i += n
	}
}

func score(s []float32, sStride int, q []float32, n int, keys []float32, width int) {
	if !Fast {
		scoreGeneric(s, sStride, q, n, keys, width)
		return
	}
	for i := 0; i < n; {
		step := min(n-i, len(scoring))
		scoring[step-1](&s[i*sStride], bytesOf(sStride), &q[i*width], bytesOf(width), &keys[0], uintptr(width))
		i += step
	}
}

func weigh(o []float32, oStride int, p []float32, pStride, n int, values []float32, vStride, count int) {
	if !Fast {
		weighGeneric(o, oStride, p, pStride, n, values, vStride, count)
		return
	}
	for i := 0; i < n; {
		step := min(n-i, len(weighing))
		weighing[step-1](&o[i*oStride], bytesOf(oStride), &p[i*pStride], bytesOf(pStride), &values[0], bytesOf(vStride), uintptr(count))
		i += step
	}
}

func top(x []float32) float32 {
	if !Fast {
		return slices.Max(x)
	}
	var tops [Lanes]float32
	peak(&x[0], uintptr(len(x)), &tops[0])
	return slices.Max(tops[:])
}

func exp(x []float32, shift float32) float32 {
	if !Fast {
		return expGeneric(x, shift)
	}
	var sums [Lanes]float32
	exponentials(&x[0], uintptr(len(x)), shift, &sums[0])
	sum := float32(0)
	for _, v := range sums {
		sum += v
	}
	return sum
}

func gateOf(g, u []float32) {
	if !Fast {
		gateGeneric(g, u)
		return
	}
	gate(&g[0], &u[0], uintptr(len(g)))
}

// bytesOf is a stride of n float32 in bytes.
func bytesOf(n int) uintptr { return uintptr(n) * unsafe.Sizeof(float32(0)) }
