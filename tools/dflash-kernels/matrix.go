package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

const group = 32 // elements of a quantised vector that share a scale

// multiply is a tile of 16 rows of a matrix times n vectors.
func multiply(n int) {
	TEXT(fmt.Sprintf("multiply%d", n), NOSPLIT,
		"func(y *float32, yStride uintptr, tile *byte, rowScales *float32, x *int8, xStride uintptr, scales *float32, starts *int32, groups uintptr)")
	Doc(fmt.Sprintf("multiply%d writes a tile times %d vectors: y[i·yStride] to [+15]. Strides of y and x are in bytes; rows of", n, n),
		"scales and starts have groups elements.")
	Pragma("noescape")
	w := pointer("tile")
	left := Load(Param("groups"), GP64())
	stride := GP64()
	MOVQ(left, stride)
	SHLQ(U8(2), stride)
	x := newRows(pointer("x"), Load(Param("xStride"), GP64()), n)
	scales := newRows(pointer("scales"), stride, n)
	starts := scales
	starts.base = pointer("starts")
	sums, acc, weights := registers(n), registers(n), ZMM()
	clearAll(sums)
	Label("group")
	for i := range n {
		VPBROADCASTD(starts.at(i, 0), acc[i])
	}
	for k := 0; k < group/4; k++ {
		VMOVDQU32(Mem{Base: w, Disp: 64 * k}, weights)
		for i := range n {
			dot4(x.at(i, 4*k), weights, acc[i])
		}
	}
	for i := range n {
		VCVTDQ2PS(acc[i], acc[i])
		VFMADD231PS_BCST(scales.at(i, 0), acc[i], sums[i])
	}
	ADDQ(U32(64*group/4), w)
	ADDQ(U8(group), x.base)
	ADDQ(U8(4), scales.base)
	ADDQ(U8(4), starts.base)
	DECQ(left)
	JNE(LabelRef("group"))
	VMOVUPS(Mem{Base: pointer("rowScales")}, weights)
	y := newRows(pointer("y"), Load(Param("yStride"), GP64()), n)
	for i := range n {
		VMULPS(weights, sums[i], sums[i])
		VMOVUPS(sums[i], y.at(i, 0))
	}
	VZEROUPPER()
	RET()
}
