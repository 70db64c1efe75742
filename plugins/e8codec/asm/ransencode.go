package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// encodeTiles writes the kernel that encodes so many tiles at once.
func encodeTiles(name string, tiles int, p points, k ransConstants) {
	block := p.block
	TEXT(name, NOSPLIT, "func(x *uint32, words *byte, compress *uint64, scratch *uint32, z *int16"+p.params(tiles)+") (used uint64)")
	Doc(name+" encodes whole tiles all whose coordinates are listed. Words are written before words, 16 bytes",
		"at a time. Raw bytes are written 4 at a time; what follows the tile's stays as it is.")
	Pragma("noescape")
	scratch := pointer("scratch")
	groups := make([]group, tiles)
	z := pointer("z")
	for i := range groups {
		groups[i] = p.group(z, i)
		groups[i].prepare(i, block, k, at(scratch, 8*32*i))
	}
	states := pointer("x")
	words, compress := pointer("words"), pointer("compress")
	for i := range groups {
		groups[i].x = YMM()
		VMOVDQU(at(states, 32*i), groups[i].x)
	}
	for j := 7; j >= 0; j-- {
		for i := tiles - 1; i >= 0; i-- {
			index := YMM()
			VMOVDQU(at(scratch, 8*32*i+32*j), index)
			groups[i].encode(k, index, Mem{Base: pointer(groups[i].table)}, words, compress)
		}
	}
	for i := tiles - 1; i >= 0 && p.learned; i-- {
		raw := fmt.Sprintf("raw%d", i)
		g := &groups[i]
		CMPL(at(g.class, offStart), Imm(0))
		JE(LabelRef(raw))
		coset := YMM()
		VPMOVSXWD(g.z, coset)
		VPAND(k.one, coset, coset)
		g.encode(k, coset, at(g.class, offCosets), words, compress)
		Label(raw)
	}
	for i := range groups {
		VMOVDQU(groups[i].x, at(states, 32*i))
	}
	used := pointer("words")
	SUBQ(words, used)
	Store(used, Return("used"))
	VZEROUPPER()
	RET()
}

// prepare writes the tile's raw bytes, and where the symbols of its coordinates are to scratch.
func (g *group) prepare(i, block int, k ransConstants, scratch Mem) {
	for j := range 8 {
		code, v, value := YMM(), YMM(), YMM()
		VPMOVSXWD(g.z.Offset(16*j), code)
		VPSRAD(U8(1), code, v)
		VPSRAD(at(g.class, offCount), v, value)
		if j%block == 0 {
			g.know = zero()
			if block == 8 {
				coset := YMM()
				VPSLLD(U8(31), code, coset)
				coded := fmt.Sprintf("prepared%d", i)
				if g.there != "" {
					CMPL(at(g.class, offStart), Imm(0))
					JNE(LabelRef(coded))
				}
				bits := GP32()
				VMOVMSKPS(coset, bits)
				MOVB(bits.As8(), Mem{Base: g.raw})
				INCQ(g.raw)
				if g.there != "" {
					Label(coded)
				}
				VPSRLD(U8(30), coset, g.know)
			}
		}
		index, parity := YMM(), YMM()
		VPERMD(at(g.class, offTables+32*j), g.know, index)
		VPSRLD(U8(probBits-8), index, index)
		VPADDD(value, index, index)
		VPADDD(k.listed, index, index)
		VMOVDQU(index, scratch.Offset(32*j))
		VPAND(k.one, value, parity)
		VPXOR(parity, g.know, g.know)

		bits, step := YMM(), 0
		if ends(block, j) {
			step = 1
			VPSRLD(U8(1), v, bits)
			VPAND(at(g.class, offEnding), bits, bits)
			VPSLLVD(at(g.class, offLast), bits, bits)
		} else {
			VPAND(at(g.class, offLowMask), v, bits)
			VPSLLVD(at(g.class, offLow), bits, bits)
		}
		upper, other := XMM(), XMM()
		VEXTRACTI128(U8(1), bits, upper)
		VPOR(upper, bits.AsX(), upper)
		VPSHUFD(U8(0x4e), upper, other)
		VPOR(other, upper, upper)
		VPSHUFD(U8(0xb1), upper, other)
		VPOR(other, upper, upper)
		word, keep := GP32(), GP32()
		VMOVD(upper, word)
		MOVL(at(g.class, offKeep+4*step), keep) // what is above the row's bytes
		ANDL(Mem{Base: g.raw}, keep)
		ORL(keep, word)
		MOVL(word, Mem{Base: g.raw})
		ADDQ(at(g.class, offStep+8*step), g.raw)
	}
}

// encode puts the symbols of the lanes, those of a table at index, before what was coded already.
func (g *group) encode(k ransConstants, index VecVirtual, table Mem, words, compress Register) {
	ones, recip, rest := YMM(), YMM(), YMM()
	table.Index, table.Scale = index, 8
	VPCMPEQD(ones, ones, ones)
	VPXOR(recip, recip, recip)
	VPGATHERDD(ones, table, recip)
	VPCMPEQD(ones, ones, ones)
	VPXOR(rest, rest, rest)
	VPGATHERDD(ones, table.Offset(4), rest)
	var before VecVirtual
	if g.there != "" {
		before = YMM()
		VMOVDQA(g.x, before)
	}

	freq, most := YMM(), YMM()
	VPSRLD(U8(symbolFreq), rest, freq)
	VPAND(k.slot, freq, freq)
	VPSLLD(U8(31-probBits), freq, most)
	fits := YMM()
	VPCMPGTD(g.x, most, fits)
	mask := GP64()
	VMOVMSKPS(fits, mask.As32())
	XORL(U32(0xff), mask.As32())
	if g.there != "" {
		active := GP64()
		VMOVMSKPS(g.lanes(), active.As32())
		ANDL(active.As32(), mask.As32())
	}
	order, word := YMM(), YMM()
	VPMOVZXBD(Mem{Base: compress, Index: mask, Scale: 8}, order)
	VPSLLD(U8(wordBits), g.x, word)
	VPSRLD(U8(wordBits), word, word)
	VPERMD(word, order, word)
	upper := XMM()
	VEXTRACTI128(U8(1), word, upper)
	VPACKUSDW(upper, word.AsX(), upper)
	VMOVDQU(upper, Mem{Base: words, Disp: -16})
	POPCNTL(mask.As32(), mask.As32())
	ADDQ(mask, mask)
	SUBQ(mask, words)
	short := YMM()
	VPSRLD(U8(wordBits), g.x, short)
	VPBLENDVB(fits, g.x, short, g.x)

	// q = x·recip >> 32+shift, evens and odds apart
	even, odd, odd2 := YMM(), YMM(), YMM()
	VPMULUDQ(recip, g.x, even)
	VPSRLQ(U8(32), g.x, odd)
	VPSRLQ(U8(32), recip, odd2)
	VPMULUDQ(odd2, odd, odd)
	VPSRLQ(U8(32), even, even)
	q := YMM()
	VPBLENDD(U8(0xaa), odd, even, q)
	shift := YMM()
	VPSRLD(U8(symbolShift), rest, shift)
	VPSRLVD(shift, q, q)
	less, bias := YMM(), YMM()
	VMOVDQU(k.top, less)
	VPSUBD(freq, less, less)
	VPMULLD(less, q, q)
	VPAND(k.bias, rest, bias)
	VPADDD(bias, g.x, g.x)
	VPADDD(q, g.x, g.x)
	if g.there != "" {
		VPBLENDVB(g.lanes(), g.x, before, g.x)
	}
}
