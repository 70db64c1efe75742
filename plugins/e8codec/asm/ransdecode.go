package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// decodeTiles writes the kernel that decodes so many tiles at once, of lattice points with block coordinates.
func decodeTiles(name string, tiles int, p points, k ransConstants) {
	block := p.block
	TEXT(name, NOSPLIT, "func(x *uint32, words *byte, expand *uint64, z *int16"+p.params(tiles)+") (used uint64, escapes uint32)")
	Doc(name+" decodes whole tiles. Words are read 16 bytes at a time, raw bytes 4. Escapes are not zero when",
		"a coordinate is not listed; its code is what escape would have.")
	Pragma("noescape")
	words, expand, z := pointer("words"), pointer("expand"), pointer("z")
	low := YMM()
	VMOVDQU(k.low, low)
	escapes := zero()
	groups := make([]group, tiles)
	states := pointer("x")
	for i := range groups {
		g := p.group(z, i)
		g.x = YMM()
		VMOVDQU(at(states, 32*i), g.x)
		if block == 8 {
			g.know = YMM()
			coded := fmt.Sprintf("coded%d", i)
			if p.learned {
				CMPL(at(g.class, offStart), Imm(0))
				JNE(LabelRef(coded))
			}
			VPBROADCASTB(Mem{Base: g.raw}, g.know.AsX())
			VPMOVZXBD(g.know.AsX(), g.know)
			VPSRLVD(k.lanes, g.know, g.know)
			VPAND(k.one, g.know, g.know)
			VPADDD(g.know, g.know, g.know)
			INCQ(g.raw)
			if p.learned {
				JMP(LabelRef(coded + "done"))
				Label(coded)
				g.decodeCosets(k, words, expand, low)
				Label(coded + "done")
			}
		}
		groups[i] = g
	}
	for j := range 8 {
		for i := 0; i < tiles; i += 2 {
			a := groups[i].decode(block, j, k, words, expand, low, escapes)
			if i+1 == tiles {
				upper := XMM()
				VEXTRACTI128(U8(1), a, upper)
				VPACKSSDW(upper, a.AsX(), a.AsX())
				VMOVDQU(a.AsX(), groups[i].z.Offset(16*j))
				break
			}
			b := groups[i+1].decode(block, j, k, words, expand, low, escapes)
			VPACKSSDW(b, a, a)
			VPERMQ(U8(0xd8), a, a)
			VMOVDQU(a.AsX(), groups[i].z.Offset(16*j))
			VEXTRACTI128(U8(1), a, groups[i+1].z.Offset(16*j))
		}
	}
	states = pointer("x")
	for i := range groups {
		VMOVDQU(groups[i].x, at(states, 32*i))
	}
	SUBQ(pointer("words"), words)
	Store(words, Return("used"))
	found := GP32()
	VMOVMSKPS(escapes, found)
	Store(found, Return("escapes"))
	VZEROUPPER()
	RET()
}

// decode takes coordinate j of the lanes and leaves their codes.
func (g *group) decode(block, j int, k ransConstants, words, expand Register, low, escapes VecVirtual) (code VecVirtual) {
	if j%block == 0 && block != 8 {
		g.know = zero()
	}
	index, ones, slot := YMM(), YMM(), YMM()
	VPERMD(at(g.class, offTables+32*j), g.know, index)
	VPAND(k.slot, g.x, ones)
	VPADDD(ones, index, index)
	VPCMPEQD(ones, ones, ones)
	VPXOR(slot, slot, slot)
	VPGATHERDD(ones, Mem{Base: pointer(g.table), Index: index, Scale: 4}, slot)

	freq, bias := YMM(), YMM()
	VPSLLD(U8(8), slot, freq)
	VPSRLD(U8(8+probBits), freq, freq)
	VPAND(k.slot, slot, bias)
	g.take(freq, bias, words, expand, low)

	// the coordinate
	value, some := YMM(), YMM()
	VPSRAD(U8(24), slot, value)
	VPCMPEQD(k.escape, value, some)
	if g.there != "" {
		VPAND(g.lanes(), some, some)
	}
	VPOR(some, escapes, escapes)
	bits, parity := YMM(), YMM()
	VPBROADCASTD(Mem{Base: g.raw}, bits)
	step := 0
	if ends(block, j) {
		step = 1
		VPSRLVD(at(g.class, offLast), bits, bits)
		VPAND(at(g.class, offEnding), bits, bits)
		VPADDD(bits, bits, bits)
		VPAND(at(g.class, offLowest), g.know, parity)
		VPOR(parity, bits, bits)
	} else {
		VPSRLVD(at(g.class, offLow), bits, bits)
		VPAND(at(g.class, offLowMask), bits, bits)
		VPAND(at(g.class, offParity), value, parity)
		VPOR(bits, parity, parity)
		VPAND(k.one, parity, parity)
		VPXOR(parity, g.know, g.know)
	}
	ADDQ(at(g.class, offStep+8*step), g.raw)
	VPSLLD(at(g.class, offCount), value, value)
	VPADDD(bits, value, value)
	VPADDD(value, value, value)
	if block == 8 {
		VPSRLD(U8(1), g.know, bits)
		VPADDD(bits, value, value)
	}
	if g.there != "" {
		VPAND(g.lanes(), value, value)
	}
	return value
}

// take brings the lanes to the state after an event, whose words they take. Lanes that there are not stay as they are,
// and since they want no word, nobody else looks at them.
func (g *group) take(freq, bias VecVirtual, words, expand Register, low VecVirtual) {
	if g.there == "" {
		VPSRLD(U8(probBits), g.x, g.x)
		VPMULLD(freq, g.x, g.x)
		VPADDD(bias, g.x, g.x)
	} else {
		next := YMM()
		VPSRLD(U8(probBits), g.x, next)
		VPMULLD(freq, next, next)
		VPADDD(bias, next, next)
		VPBLENDVB(g.lanes(), next, g.x, g.x)
	}
	needs := YMM()
	VPCMPGTD(g.x, low, needs)
	mask := GP64()
	VMOVMSKPS(needs, mask.As32())
	word, order := YMM(), YMM()
	VPMOVZXWD(Mem{Base: words}, word)
	VPMOVZXBD(Mem{Base: expand, Index: mask, Scale: 8}, order)
	VPERMD(word, order, word)
	VPSLLD(U8(wordBits), g.x, order)
	VPOR(order, word, word)
	VPBLENDVB(needs, word, g.x, g.x)
	POPCNTL(mask.As32(), mask.As32())
	LEAQ(Mem{Base: words, Index: mask, Scale: 2}, words)
}

// decodeCosets takes the cosets of the lanes' blocks, halves having the slots from start on.
func (g *group) decodeCosets(k ransConstants, words, expand Register, low VecVirtual) {
	slot, half, start, freq := YMM(), YMM(), YMM(), YMM()
	VPAND(k.slot, g.x, slot)
	VMOVDQU(at(g.class, offStart), start)
	VPCMPGTD(slot, start, half) // integers
	VPCMPEQD(freq, freq, freq)
	VPXOR(freq, half, half)
	VMOVDQU(k.top, freq)
	VPSUBD(start, freq, freq)
	VPBLENDVB(half, freq, start, freq)
	VPAND(half, start, start)
	VPSUBD(start, slot, slot)
	VPAND(k.one, half, g.know)
	VPADDD(g.know, g.know, g.know)
	g.take(freq, slot, words, expand, low)
}
