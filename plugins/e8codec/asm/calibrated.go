package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// calibratedKernels are the products of package calibrated: rows are gone through once for every 64 columns, and for
// the last ones once for every 8.
func calibratedKernels() {
	TEXT("predictAVX2", NOSPLIT, "func(acc *int32, a *int16, w *int16, pairs int, n int)")
	Doc("predictAVX2 is predictGeneric for pairs of inputs and n outputs, a multiple of 8.")
	Pragma("noescape")
	product{
		name: "predict", out: "acc", rows: "pairs",
		each: func(p *products) {
			factor := YMM()
			VPBROADCASTD(Mem{Base: p.factors}, factor)
			ADDQ(Imm(4), p.factors)
			for i, acc := range p.acc {
				t := YMM()
				VPMADDWD(at(p.row, 32*i), factor, t)
				VPADDD(t, acc, acc)
			}
			ADDQ(p.stride, p.row)
		},
	}.write("a", "w")

	TEXT("combineAVX2", NOSPLIT, "func(y *float32, x *float32, offsets *uint32, m *float32, rows int, n int)")
	Doc("combineAVX2 adds x times the rows of m that begin so many bytes after it to y, of n elements, a multiple of 8.")
	Pragma("noescape")
	product{
		name: "combine", out: "y", rows: "rows",
		each: func(p *products) {
			factor, row := YMM(), GP64()
			VBROADCASTSS(Mem{Base: p.factors}, factor)
			MOVL(Mem{Base: p.offsets}, row.As32())
			ADDQ(p.row, row)
			ADDQ(Imm(4), p.factors)
			ADDQ(Imm(4), p.offsets)
			for i, acc := range p.acc {
				t := YMM()
				VMULPS(at(row, 32*i), factor, t)
				VADDPS(t, acc, acc)
			}
		},
	}.write("x", "m")
}

// product writes a kernel's loops.
type product struct {
	name, out, rows string
	each            func(p *products)
}

// products is a product at work on some columns.
type products struct {
	acc                   []VecVirtual
	factors, offsets, row Register
	stride                Register // bytes of a row of w
}

func (k product) write(factors, matrix string) {
	out, m, n := pointer(k.out), pointer(matrix), Load(Param("n"), GP64())
	stride := GP64()
	MOVQ(n, stride)
	SHLQ(Imm(2), stride)
	for _, wide := range []int{8, 1} {
		label := fmt.Sprintf("%s%d", k.name, wide)
		Label(label)
		CMPQ(n, Imm(uint64(8*wide)))
		JL(LabelRef(label + "done"))
		p := products{stride: stride, factors: pointer(factors), row: GP64()}
		if k.name == "combine" {
			p.offsets = pointer("offsets")
		}
		MOVQ(m, p.row)
		for i := range wide {
			acc := YMM()
			VMOVDQU(at(out, 32*i), acc)
			p.acc = append(p.acc, acc)
		}
		left := Load(Param(k.rows), GP64())
		TESTQ(left, left)
		JZ(LabelRef(label + "store"))
		Label(label + "row")
		k.each(&p)
		DECQ(left)
		JNZ(LabelRef(label + "row"))
		Label(label + "store")
		for i, acc := range p.acc {
			VMOVDQU(acc, at(out, 32*i))
		}
		ADDQ(U32(32*wide), out)
		ADDQ(U32(32*wide), m)
		SUBQ(Imm(uint64(8*wide)), n)
		JMP(LabelRef(label))
		Label(label + "done")
	}
	VZEROUPPER()
	RET()
}
