package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// offsets in the struct kernel of package entropy
const (
	offCount   = 0
	offTables  = 16
	offLow     = 272
	offLowMask = 304
	offLast    = 336
	offEnding  = 368
	offLowest  = 400
	offParity  = 432
	offStep    = 464
	offKeep    = 480
	offStart   = 488
	offCosets  = 520
)

// numbers of the coder
const (
	probBits    = 12
	symbolFreq  = 13
	symbolShift = 25
	wordBits    = 16
)

// ransConstants are what the coder's kernels compare and mask with.
type ransConstants struct{ slot, low, lanes, one, escape, listed, bias, top Mem }

func newRANSConstants(one Mem) ransConstants {
	lanes := GLOBL("laneNumbers", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(i))
	}
	return ransConstants{
		slot: constant("slotMask", 1<<probBits-1), low: constant("stateLow", 1<<15), lanes: lanes, one: one,
		escape: constant("escape", 0xffffff80), listed: constant("listed", 128), bias: constant("biasMask", 1<<symbolFreq-1), top: constant("probOne", 1<<probBits),
	}
}

// group is eight lanes at work on a tile.
type group struct {
	class, raw Register
	table      string // parameter: the class's first table
	there      string // parameter: the lanes that there are; "": all
	z          Mem
	x, know    VecVirtual // know: 2·coset + parity, of the values or where there is a shift of the lowest bits
}

// ends says whether coordinate j of a lane is the last of a block.
func ends(block, j int) bool { return (j+1)%block == 0 }

// points are what a kernel's tiles hold.
type points struct {
	block int // coordinates of one
	// learned: classes may have their cosets coded, and tiles may lack lanes.
	learned bool
}

// params are the parameters of tiles, which follow one another in z.
func (p points) params(tiles int) (params string) {
	for i := range tiles {
		params += fmt.Sprintf(", c%d *uint64, t%d *uint32, raw%d *byte", i, i, i)
		if p.learned {
			params += fmt.Sprintf(", there%d *int32", i)
		}
	}
	return params
}

func (p points) group(z Register, i int) group {
	g := group{
		class: pointer(fmt.Sprintf("c%d", i)), raw: pointer(fmt.Sprintf("raw%d", i)),
		table: fmt.Sprintf("t%d", i), z: at(z, 128*i),
	}
	if p.learned {
		g.there = fmt.Sprintf("there%d", i)
	}
	return g
}

// lanes loads which lanes there are.
func (g *group) lanes() VecVirtual {
	y := YMM()
	VMOVDQU(Mem{Base: pointer(g.there)}, y)
	return y
}

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
