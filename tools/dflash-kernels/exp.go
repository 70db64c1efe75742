package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// exponential is e^x to about 2 units in the last place: x = n·ln 2 + r, a polynomial of degree 6 in r
// (the Taylor series), times 2^n.
type exponential struct {
	log2e, ln2High, ln2Low VecVirtual
	terms                  []VecVirtual
}

func newExponential() exponential {
	e := exponential{
		log2e:   broadcast(constant("log2e", math.Float32bits(math.Log2E))),
		ln2High: broadcast(constant("ln2high", 0x3f318000)), // 0.693359375: exact for |n| < 2^14
		ln2Low:  broadcast(constant("ln2low", math.Float32bits(math.Ln2-0.693359375))),
	}
	factorial := 1.0
	for i := range 7 {
		if i > 0 {
			factorial *= float64(i)
		}
		e.terms = append(e.terms, broadcast(constant(fmt.Sprintf("term%d", i), math.Float32bits(float32(1/factorial)))))
	}
	return e
}

// of replaces x by e^x.
func (e exponential) of(x VecVirtual) {
	n, sum := ZMM(), ZMM()
	VMULPS(e.log2e, x, n)
	VRNDSCALEPS(U8(0), n, n)
	VFNMADD231PS(e.ln2High, n, x)
	VFNMADD231PS(e.ln2Low, n, x)
	VMOVAPS(e.terms[6], sum)
	for i := 5; i >= 0; i-- {
		VFMADD213PS(e.terms[i], x, sum)
	}
	VSCALEFPS(n, sum, x)
}

func exponentials() {
	TEXT("exponentials", NOSPLIT, "func(x *float32, n uintptr, shift float32, sums *float32)")
	Doc("exponentials replaces x by e^(x-shift) and writes 16 partial sums; n is a positive multiple of 16.")
	Pragma("noescape")
	x, n := pointer("x"), Load(Param("n"), GP64())
	shift, sum := ZMM(), ZMM()
	b, err := Param("shift").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(b.Addr, shift)
	VPXORD(sum, sum, sum)
	e, v := newExponential(), ZMM()
	Label("block")
	VMOVUPS(Mem{Base: x}, v)
	VSUBPS(shift, v, v)
	e.of(v)
	VADDPS(v, sum, sum)
	VMOVUPS(v, Mem{Base: x})
	ADDQ(U8(4*lanes), x)
	SUBQ(U8(lanes), n)
	JNE(LabelRef("block"))
	VMOVUPS(sum, Mem{Base: pointer("sums")})
	VZEROUPPER()
	RET()
}

func peak() {
	TEXT("peak", NOSPLIT, "func(x *float32, n uintptr, tops *float32)")
	Doc("peak writes 16 numbers whose largest is that of x; n is a positive multiple of 16.")
	Pragma("noescape")
	x, n := pointer("x"), Load(Param("n"), GP64())
	top := ZMM()
	VMOVUPS(Mem{Base: x}, top)
	Label("block")
	VMAXPS(Mem{Base: x}, top, top)
	ADDQ(U8(4*lanes), x)
	SUBQ(U8(lanes), n)
	JNE(LabelRef("block"))
	VMOVUPS(top, Mem{Base: pointer("tops")})
	VZEROUPPER()
	RET()
}

func gate() {
	TEXT("gate", NOSPLIT, "func(x *float32, u *float32, n uintptr)")
	Doc("gate replaces x by u·x/(1+e^-x); n is a positive multiple of 16.")
	Pragma("noescape")
	g, u, n := pointer("x"), pointer("u"), Load(Param("n"), GP64())
	e := newExponential()
	one := e.terms[0]
	x, v := ZMM(), ZMM()
	Label("block")
	VMOVUPS(Mem{Base: g}, v)
	VPXORD(x, x, x)
	VSUBPS(v, x, x)
	e.of(x)
	VADDPS(one, x, x)
	VDIVPS(x, v, v)
	VMULPS(Mem{Base: u}, v, v)
	VMOVUPS(v, Mem{Base: g})
	ADDQ(U8(4*lanes), g)
	ADDQ(U8(4*lanes), u)
	SUBQ(U8(lanes), n)
	JNE(LabelRef("block"))
	VZEROUPPER()
	RET()
}
