package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// at is the address off bytes past a pointer.
func at(base Register, off int) Mem { return Mem{Base: base, Disp: off} }

// constant is eight copies of a 32-bit pattern in read-only memory.
func constant(name string, bits uint32) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(bits))
	}
	return m
}

// pointer loads a pointer parameter.
func pointer(name string) Register { return Load(Param(name), GP64()) }

// broadcast fills a register with a float32 parameter.
func broadcast(name string) VecVirtual {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	y := YMM()
	VBROADCASTSS(b.Addr, y)
	return y
}

func zero() VecVirtual {
	y := YMM()
	VXORPS(y, y, y)
	return y
}

// butterflies replaces r[i], r[i+half] by their sum and difference in every group of 2·half.
func butterflies(r []VecVirtual, half int) {
	for i := range r {
		if i&half != 0 {
			continue
		}
		sum, diff := YMM(), YMM()
		VADDPS(r[i+half], r[i], sum)
		VSUBPS(r[i+half], r[i], diff)
		r[i], r[i+half] = sum, diff
	}
}

// transpose makes rows of columns: lane j of r[b] becomes lane b of r[j].
func transpose(r []VecVirtual) {
	var t, s [8]VecVirtual
	for i := 0; i < 8; i += 2 {
		t[i], t[i+1] = YMM(), YMM()
		VUNPCKLPS(r[i+1], r[i], t[i])
		VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for k := range 2 {
			s[i+2*k], s[i+2*k+1] = YMM(), YMM()
			VSHUFPS(U8(0x44), t[i+k+2], t[i+k], s[i+2*k])
			VSHUFPS(U8(0xee), t[i+k+2], t[i+k], s[i+2*k+1])
		}
	}
	for i := range 4 {
		r[i], r[i+4] = YMM(), YMM()
		VPERM2F128(U8(0x20), s[i+4], s[i], r[i])
		VPERM2F128(U8(0x31), s[i+4], s[i], r[i+4])
	}
}
