package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// calibratedKernels are the products of package calibrated: rows are gone through once for so many columns as there are
// registers, and for the last ones once for every one that is left.
func calibratedKernels() {
	TEXT("predictAVX2", NOSPLIT, "func(acc *int32, a *int16, w *int8, pairs int, n int)")
	Doc("predictAVX2 is predictGeneric for pairs of inputs and n outputs, a multiple of 8.")
	Pragma("noescape")
	product{
		name: "predict", out: "acc", rows: "pairs", register: YMM, bytes: 32, wide: []int{8, 1}, halves: true,
		each: func(p *products) {
			factor := YMM()
			VPBROADCASTD(Mem{Base: p.factors}, factor)
			ADDQ(Imm(4), p.factors)
			for i, acc := range p.acc {
				t := YMM()
				VPMOVSXBW(at(p.row, 16*i), t)
				VPMADDWD(t, factor, t)
				VPADDD(t, acc, acc)
			}
			ADDQ(p.stride, p.row)
		},
	}.write("a", "w")

	for _, v := range []struct {
		name string
		product
	}{
		{"combineAVX2", product{register: YMM, bytes: 32, wide: []int{8, 1}}},
		{"combineAVX512", product{register: ZMM, bytes: 64, wide: []int{12, 4, 1}}},
	} {
		TEXT(v.name, NOSPLIT, "func(y *float32, x *float32, offsets *uint32, m *float32, rows int, n int)")
		Doc(fmt.Sprintf("%s adds x times the rows of m that begin so many bytes after it to y, of n elements, a multiple of %d.", v.name, v.bytes/4))
		Pragma("noescape")
		v.product.name, v.out, v.rows = "combine", "y", "rows"
		v.each = func(p *products) {
			factor, row := v.register(), GP64()
			VBROADCASTSS(Mem{Base: p.factors}, factor)
			MOVL(Mem{Base: p.offsets}, row.As32())
			ADDQ(p.row, row)
			ADDQ(Imm(4), p.factors)
			ADDQ(Imm(4), p.offsets)
			for i, acc := range p.acc {
				t := v.register()
				VMULPS(at(row, v.bytes*i), factor, t)
				VADDPS(t, acc, acc)
			}
		}
		v.write("x", "m")
	}
	elementwise()
	predictTokens("predict4AVX512", 4, func(weights, factor, acc VecVirtual) {
		z := ZMM()
		VPMADDWD(weights, factor, z)
		VPADDD(z, acc, acc)
	})
	predictTokens("predict8VNNI", 8, func(weights, factor, acc VecVirtual) {
		Instruction(&ir.Instruction{ // avo knows none of them
			Opcode: "VPDPWSSD", Operands: []Op{weights, factor, acc},
			Inputs: []Op{weights, factor, acc}, Outputs: []Op{acc},
		})
	})
}

// elementwise is what is done to each of n elements, a multiple of 8.
func elementwise() {
	TEXT("expectAVX2", NOSPLIT, "func(y *float32, mean *float32, sums *int32, scale *float32, n int)")
	Doc("expectAVX2 is expectGeneric for n elements, a multiple of 8.")
	Pragma("noescape")
	y, mean, sums, scale := pointer("y"), pointer("mean"), pointer("sums"), pointer("scale")
	n := Load(Param("n"), GP64())
	Label("expect")
	v := YMM()
	VCVTDQ2PS(at(sums, 0), v)
	VMULPS(at(scale, 0), v, v)
	VADDPS(at(mean, 0), v, v)
	VMOVUPS(v, at(y, 0))
	for _, p := range []Register{y, mean, sums, scale} {
		ADDQ(Imm(32), p)
	}
	SUBQ(Imm(8), n)
	JG(LabelRef("expect"))
	VZEROUPPER()
	RET()

	TEXT("unitsAVX2", NOSPLIT, "func(a *int16, y *float32, mean *float32, perUnit *float32, n int)")
	Doc("unitsAVX2 is unitsGeneric for n elements, a multiple of 8.")
	Pragma("noescape")
	low, high := constant("leastUnit", 0xc4ffe000), constant("mostUnit", 0x44ffe000) // 2047
	a, perUnit := pointer("a"), pointer("perUnit")
	y, mean, n = pointer("y"), pointer("mean"), Load(Param("n"), GP64())
	Label("units")
	v, upper := YMM(), XMM()
	VMOVUPS(at(y, 0), v)
	VSUBPS(at(mean, 0), v, v)
	VMULPS(at(perUnit, 0), v, v)
	VMAXPS(low, v, v)
	VMINPS(high, v, v)
	VCVTPS2DQ(v, v)
	VEXTRACTI128(U8(1), v, upper)
	VPACKSSDW(upper, v.AsX(), upper)
	VMOVDQU(upper, at(a, 0))
	ADDQ(Imm(16), a)
	for _, p := range []Register{y, mean, perUnit} {
		ADDQ(Imm(32), p)
	}
	SUBQ(Imm(8), n)
	JG(LabelRef("units"))
	VZEROUPPER()
	RET()
}

// predictTokens is predict for so many tokens, so that weights are fetched once for all.
func predictTokens(name string, tokens int, add func(weights, factor, acc VecVirtual)) {
	TEXT(name, NOSPLIT, "func(acc *int32, a *int16, w *int8, pairs int, n int)")
	Doc(fmt.Sprintf("%s is predictGeneric for pairs of inputs and n outputs, a multiple of 16, of each of %d tokens,", name, tokens),
		"whose inputs and outputs follow those of the one before.")
	Pragma("noescape")
	out, w, n := pointer("acc"), pointer("w"), Load(Param("n"), GP64())
	stride, ofWeights, inputs := GP64(), GP64(), Load(Param("pairs"), GP64())
	MOVQ(n, ofWeights)
	ADDQ(ofWeights, ofWeights)
	LEAQ(Mem{Base: ofWeights, Index: ofWeights, Scale: 1}, stride)
	SHLQ(Imm(2), inputs) // bytes of a token's
	for _, wide := range []int{3, 1} {
		label := fmt.Sprintf("tokens%d", wide)
		Label(label)
		CMPQ(n, Imm(uint64(16*wide)))
		JL(LabelRef(label + "done"))
		row, left := GP64(), Load(Param("pairs"), GP64())
		MOVQ(w, row)
		acc := make([][]VecVirtual, tokens)
		to, from, of := GP64(), GP64(), GP64()
		MOVQ(out, to)
		MOVQ(pointer("a"), from)
		for t := range tokens {
			for i := range wide {
				z := ZMM()
				VMOVUPS(at(to, 64*i), z)
				acc[t] = append(acc[t], z)
			}
			ADDQ(stride, to)
		}
		TESTQ(left, left)
		JZ(LabelRef(label + "store"))
		Label(label + "row")
		var weights []VecVirtual
		for i := range wide {
			z := ZMM()
			VPMOVSXBW(at(row, 32*i), z)
			weights = append(weights, z)
		}
		ADDQ(ofWeights, row)
		MOVQ(from, of)
		for t := range tokens {
			factor := ZMM()
			VPBROADCASTD(Mem{Base: of}, factor)
			if t+1 < tokens {
				ADDQ(inputs, of)
			}
			for i := range wide {
				add(weights[i], factor, acc[t][i])
			}
		}
		ADDQ(Imm(4), from)
		DECQ(left)
		JNZ(LabelRef(label + "row"))
		Label(label + "store")
		MOVQ(out, to)
		for t := range tokens {
			for i := range wide {
				VMOVUPS(acc[t][i], at(to, 64*i))
			}
			ADDQ(stride, to)
		}
		ADDQ(U32(64*wide), out)
		ADDQ(U32(32*wide), w)
		SUBQ(Imm(uint64(16*wide)), n)
		JMP(LabelRef(label))
		Label(label + "done")
	}
	VZEROUPPER()
	RET()
}

// product writes a kernel's loops.
type product struct {
	name, out, rows string
	register        func() VecVirtual
	bytes           int   // of a register
	wide            []int // registers that are filled together, most first
	halves          bool  // an element of the matrix takes half of what one of out does
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
	column := k.bytes
	if k.halves {
		SHRQ(Imm(1), stride)
		column /= 2
	}
	for _, wide := range k.wide {
		label := fmt.Sprintf("%s%d", k.name, wide)
		Label(label)
		CMPQ(n, Imm(uint64(k.bytes/4*wide)))
		JL(LabelRef(label + "done"))
		p := products{stride: stride, factors: pointer(factors), row: GP64()}
		if k.name == "combine" {
			p.offsets = pointer("offsets")
		}
		MOVQ(m, p.row)
		for i := range wide {
			acc := k.register()
			VMOVUPS(at(out, k.bytes*i), acc)
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
			VMOVUPS(acc, at(out, k.bytes*i))
		}
		ADDQ(U32(k.bytes*wide), out)
		ADDQ(U32(column*wide), m)
		SUBQ(U32(k.bytes/4*wide), n)
		JMP(LabelRef(label))
		Label(label + "done")
	}
	VZEROUPPER()
	RET()
}
