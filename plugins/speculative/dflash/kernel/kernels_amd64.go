//go:build !purego

package kernel

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

//go:generate go -C ../../../../tools/dflash-kernels run . -pkg kernel -out ../../plugins/speculative/dflash/kernel/kernels_amd64.s -stubs ../../plugins/speculative/dflash/kernel/stubs_amd64.go

// Fast is whether this CPU runs the generated kernels.
var Fast = cpu.X86.HasAVX512F && cpu.X86.HasAVX512VNNI

func multiply(m *Matrix, y []float32, v *Vectors, from, to int) {
	if !Fast {
		multiplyGeneric(m, y, v, from, to)
		return
	}
	groups, rows := m.Columns/Group, to-from
	for i := 0; i < v.N; {
		n, run := 1, multiply1
		switch {
		case v.N-i >= 8:
			n, run = 8, multiply8
		case v.N-i >= 4:
			n, run = 4, multiply4
		}
		for r := from; r < to; r += Tile {
			run(&y[i*rows+r-from], bytesOf(rows), &m.tiles[r*m.Columns], &m.scales[r], &v.values[i*m.Columns], uintptr(m.Columns),
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
		step, run := 1, scores1
		switch {
		case n-i >= 8:
			step, run = 8, scores8
		case n-i >= 4:
			step, run = 4, scores4
		}
		run(&s[i*sStride], bytesOf(sStride), &q[i*width], bytesOf(width), &keys[0], uintptr(width))
		i += step
	}
}

func weigh(o []float32, oStride int, p []float32, pStride, n int, values []float32, vStride, count int) {
	if !Fast {
		weighGeneric(o, oStride, p, pStride, n, values, vStride, count)
		return
	}
	for i := 0; i < n; {
		step, run := 1, weigh1
		if n-i >= 4 {
			step, run = 4, weigh4
		}
		run(&o[i*oStride], bytesOf(oStride), &p[i*pStride], bytesOf(pStride), &values[0], bytesOf(vStride), uintptr(count))
		i += step
	}
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
