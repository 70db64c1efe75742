package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

func halfKernels() {
	convert("fromFloat16F16C", "func(dst *float32, src *uint16, n int)",
		"fromFloat16F16C converts n elements from f16, n a positive multiple of 8.", 32, 16)
	convert("toFloat16F16C", "func(dst *uint16, src *float32, n int)",
		"toFloat16F16C converts n elements to the nearest f16, ties to even, n a positive multiple of 8.", 16, 32)
}

func convert(name, signature, doc string, dstStep, srcStep uint64) {
	TEXT(name, NOSPLIT, signature)
	Doc(doc)
	Pragma("noescape")
	dst, src := pointer("dst"), pointer("src")
	n := Load(Param("n"), GP64())
	y := YMM()
	Label("loop")
	if dstStep > srcStep {
		VCVTPH2PS(at(src, 0), y)
		VMOVUPS(y, at(dst, 0))
	} else {
		VMOVUPS(at(src, 0), y)
		VCVTPS2PH(U8(0), y, at(dst, 0))
	}
	ADDQ(U8(dstStep), dst)
	ADDQ(U8(srcStep), src)
	SUBQ(U8(8), n)
	JNE(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
