package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// offsets in the struct quads
const (
	offHi   = 0
	offLo   = 32
	offHalf = 64
)

func entropyKernels() {
	one := constant("intOne", 1)
	halfSingle := constant("halfSingle", 0x3f000000)
	ones := constant("oneSingle", 0x3f800000)
	packQuads(one)
	unpackQuads(one, halfSingle, ones)
	k := newRANSConstants(one)
	for _, v := range []struct {
		name string
		points
	}{{"E8", points{block: 8}}, {"D4", points{block: 4}}, {"Learned", points{block: 8, learned: true}}} {
		for _, tiles := range []int{1, 2, 4} {
			decodeTiles(fmt.Sprintf("decode%d%sAVX2", tiles, v.name), tiles, v.points, k)
			encodeTiles(fmt.Sprintf("encode%d%sAVX2", tiles, v.name), tiles, v.points, k)
		}
	}
	energy()
}

// broadcastInt fills a register with an int32 parameter.
func broadcastInt(name string) VecVirtual {
	x, y := XMM(), YMM()
	VMOVD(Load(Param(name), GP32()), x)
	VPBROADCASTD(x, y)
	return y
}

func packQuads(one Mem) {
	TEXT("packQuadsAVX2", NOSPLIT, "func(out *uint32, z *[64]int16, q int32)")
	Doc("packQuadsAVX2 is packQuadsGeneric; out points to a quads.")
	Pragma("noescape")
	out, z := pointer("out"), pointer("z")
	q := broadcastInt("q")
	base, half := YMM(), YMM()
	for k, off := range []int{offHi, offLo} {
		quad := YMM()
		for j := range 4 {
			digit := YMM()
			VPMOVSXWD(at(z, 64*k+16*j), digit)
			if k == 0 && j == 0 {
				VPAND(one, digit, half)
				VPADDD(q, q, base)
				VPADDD(one, base, base)
				VPSUBD(half, base, base)
				zeros := zero()
				VPSUBD(half, zeros, half)
				VMOVDQU(half, at(out, offHalf))
			}
			VPSRAD(U8(1), digit, digit)
			VPADDD(q, digit, digit)
			if j == 0 {
				quad = digit
				continue
			}
			VPMULLD(base, quad, quad)
			VPADDD(digit, quad, quad)
		}
		VMOVDQU(quad, at(out, off))
	}
	VZEROUPPER()
	RET()
}

func unpackQuads(one, halfSingle, oneSingle Mem) {
	TEXT("unpackQuadsAVX2", NOSPLIT, "func(z *[64]int16, in *uint32, q int32)")
	Doc("unpackQuadsAVX2 is unpackQuadsGeneric; in points to a quads. Its divisions multiply by a",
		"reciprocal and add one half first, which is exact for quads below 2^29 and q to 64.")
	Pragma("noescape")
	z, in := pointer("z"), pointer("in")
	q := broadcastInt("q")
	base, origin, square := YMM(), YMM(), YMM()
	VMOVDQU(at(in, offHalf), origin)
	VPADDD(q, origin, origin)
	VPADDD(q, origin, origin) // 2q, in halves 2q-1: what a doubled digit is lowered by
	VPADDD(one, origin, base)
	VPMULLD(base, base, square)
	halfDouble := YMM()
	VCVTPS2PD(halfSingle.Offset(0), halfDouble)
	recip := YMM()
	VCVTDQ2PS(base, recip)
	ones := YMM()
	VMOVUPS(oneSingle, ones)
	VDIVPS(recip, ones, recip)
	var recips [2]VecVirtual
	onesDouble := YMM()
	VCVTPS2PD(ones.AsX(), onesDouble)
	for i := range recips {
		recips[i] = YMM()
		VCVTDQ2PD(lane(square, i), recips[i])
		VDIVPD(recips[i], onesDouble, recips[i])
	}
	odd := zero()
	for k, off := range []int{offHi, offLo} {
		quad := YMM()
		VMOVDQU(at(in, off), quad)
		var parts [2]VecVirtual
		for i := range parts {
			parts[i] = YMM()
			VCVTDQ2PD(lane(quad, i), parts[i])
			VADDPD(halfDouble, parts[i], parts[i])
			VMULPD(recips[i], parts[i], parts[i])
			VCVTTPD2DQY(parts[i], parts[i].AsX())
		}
		upper, lower := YMM(), YMM()
		VINSERTI128(U8(1), parts[1].AsX(), parts[0], upper)
		VPMULLD(square, upper, lower)
		VPSUBD(lower, quad, lower)
		for i, pair := range []VecVirtual{upper, lower} {
			a, b := YMM(), YMM()
			VCVTDQ2PS(pair, a)
			VADDPS(halfSingle, a, a)
			VMULPS(recip, a, a)
			VCVTTPS2DQ(a, a)
			VPMULLD(base, a, b)
			VPSUBD(b, pair, b)
			VPXOR(a, odd, odd)
			VPXOR(b, odd, odd)
			if k == 1 && i == 1 {
				VPAND(one, odd, odd)
				VPADDD(odd, b, b)
			}
			for _, digit := range []VecVirtual{a, b} {
				VPADDD(digit, digit, digit)
				VPSUBD(origin, digit, digit)
			}
			VPACKSSDW(b, a, a)
			VPERMQ(U8(0xd8), a, a)
			VMOVDQU(a, at(z, 64*k+32*i))
		}
	}
	VZEROUPPER()
	RET()
}

// lane is half i of a register.
func lane(y VecVirtual, i int) Register {
	if i == 0 {
		return y.AsX()
	}
	x := XMM()
	VEXTRACTI128(U8(1), y, x)
	return x
}

func energy() {
	TEXT("energyAVX2", NOSPLIT, "func(z *[64]int16) (sum, peak uint32)")
	Doc("energyAVX2 is energyPortable where no code is past 4095.")
	Pragma("noescape")
	z := pointer("z")
	sum, peak := zero(), zero()
	for i := range 4 {
		row, square := YMM(), YMM()
		VMOVDQU(at(z, 32*i), row)
		VPMADDWD(row, row, square)
		VPADDD(square, sum, sum)
		VPABSW(row, row)
		VPMAXUW(row, peak, peak)
	}
	for i, fold := range []func(...Op){VPADDD, VPMAXUW} {
		y := []VecVirtual{sum, peak}[i]
		x, other := XMM(), XMM()
		VEXTRACTI128(U8(1), y, x)
		fold(y.AsX(), x, x)
		for _, order := range []uint8{0x4e, 0xb1} {
			VPSHUFD(U8(order), x, other)
			fold(other, x, x)
		}
		if i == 1 {
			VPSRLD(U8(16), x, other)
			fold(other, x, x)
			VPSLLD(U8(16), x, x)
			VPSRLD(U8(16), x, x)
		}
		word := GP32()
		VMOVD(x, word)
		Store(word, ReturnIndex(i))
	}
	VZEROUPPER()
	RET()
}
