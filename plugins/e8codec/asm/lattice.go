package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// predicates of VCMPPS
const (
	equal    = 0x00
	lessThan = 0x11
)

func latticeKernels() {
	butterfly()
	tileForward()
	tileInverse()
	maxAbsBits()
	c := latticeConstants()
	nearestE8(c)
	nearestD4(c)
}

type constants struct{ magic, absMask, signMask, half, one, two, intOne Mem }

func latticeConstants() constants {
	return constants{
		magic:    constant("roundMagic", 0x4b400000),
		absMask:  constant("absMask", 0x7fffffff),
		signMask: constant("signMask", 0x80000000),
		half:     constant("half", 0x3f000000),
		one:      constant("one", 0x3f800000),
		two:      constant("two", 0x40000000),
		intOne:   constant("intOne", 1),
	}
}

func butterfly() {
	TEXT("butterflyAVX2", NOSPLIT, "func(dst, src *float32, half int)")
	Doc("butterflyAVX2 is butterflyGeneric for 2*half elements, half a multiple of 8.")
	Pragma("noescape")
	dst, src := pointer("dst"), pointer("src")
	n := Load(Param("half"), GP64())
	SHLQ(U8(2), n)
	i := GP64()
	XORQ(i, i)
	Label("loop")
	hi, hiOut := GP64(), GP64()
	LEAQ(Mem{Base: src, Index: n, Scale: 1}, hi)
	LEAQ(Mem{Base: dst, Index: n, Scale: 1}, hiOut)
	a, b, sum, diff := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: src, Index: i, Scale: 1}, a)
	VMOVUPS(Mem{Base: hi, Index: i, Scale: 1}, b)
	VADDPS(b, a, sum)
	VSUBPS(b, a, diff)
	VMOVUPS(sum, Mem{Base: dst, Index: i, Scale: 1})
	VMOVUPS(diff, Mem{Base: hiOut, Index: i, Scale: 1})
	ADDQ(U8(32), i)
	CMPQ(i, n)
	JL(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func tileForward() {
	TEXT("tileForwardAVX2", NOSPLIT, "func(y, x *[64]float32)")
	Doc("tileForwardAVX2 is tileForwardGeneric.")
	Pragma("noescape")
	y, x := pointer("y"), pointer("x")
	r := make([]VecVirtual, 8)
	for i := range r {
		r[i] = YMM()
		VMOVUPS(at(x, 32*i), r[i])
	}
	butterflies(r, 4)
	butterflies(r, 2)
	butterflies(r, 1)
	transpose(r)
	butterflies(r, 4)
	butterflies(r, 2)
	butterflies(r, 1)
	for i := range r {
		VMOVUPS(r[i], at(y, 32*i))
	}
	VZEROUPPER()
	RET()
}

func tileInverse() {
	TEXT("tileInverseAVX2", NOSPLIT, "func(x *[64]float32, z *[64]int16, step float32)")
	Doc("tileInverseAVX2 is tileInverseGeneric.")
	Pragma("noescape")
	x, z := pointer("x"), pointer("z")
	step := broadcast("step")
	r := make([]VecVirtual, 8)
	for i := range r {
		r[i] = YMM()
		VPMOVSXWD(at(z, 16*i), r[i])
		VCVTDQ2PS(r[i], r[i])
		VMULPS(step, r[i], r[i])
	}
	butterflies(r, 1)
	butterflies(r, 2)
	butterflies(r, 4)
	transpose(r)
	butterflies(r, 1)
	butterflies(r, 2)
	butterflies(r, 4)
	for i := range r {
		VMOVUPS(r[i], at(x, 32*i))
	}
	VZEROUPPER()
	RET()
}

func maxAbsBits() {
	TEXT("maxAbsBitsAVX2", NOSPLIT, "func(x *float32, n int) uint32")
	Doc("maxAbsBitsAVX2 is maxAbsBitsGeneric for n elements, n a positive multiple of 8.")
	Pragma("noescape")
	x := pointer("x")
	n := Load(Param("n"), GP64())
	mask, m := YMM(), zero()
	VPCMPEQD(mask, mask, mask)
	VPSRLD(U8(1), mask, mask)
	Label("loop")
	v := YMM()
	VPAND(at(x, 0), mask, v)
	VPMAXUD(v, m, m)
	ADDQ(U8(32), x)
	SUBQ(U8(8), n)
	JNE(LabelRef("loop"))
	hi := XMM()
	VEXTRACTI128(U8(1), m, hi)
	lo := m.AsX()
	VPMAXUD(hi, lo, lo)
	VPSHUFD(U8(0x4e), lo, hi)
	VPMAXUD(hi, lo, lo)
	VPSHUFD(U8(0xb1), lo, hi)
	VPMAXUD(hi, lo, lo)
	out := GP32()
	VMOVD(lo, out)
	VZEROUPPER()
	Store(out, ReturnIndex(0))
	RET()
}

// search is the state of a nearest-point search over up to eight rows of a tile.
type search struct {
	constants
	y, z              Register
	inv, limit, below VecVirtual
	d, f, g           Mem // eight rows each: remainders, nearest integers, gains of halves
}

func newSearch(c constants) *search {
	s := &search{constants: c, y: pointer("y"), z: pointer("z")}
	s.inv, s.limit, s.below = broadcast("inv"), broadcast("limit"), YMM()
	VXORPS(s.signMask, s.limit, s.below)
	s.d, s.f = AllocLocal(8*32), AllocLocal(8*32)
	return s
}

// round rounds row j to integers, stores f and d, and answers with d and |d|. It folds the
// integers' parities into odd.
func (s *search) round(j int, odd VecVirtual) (d, a, f VecVirtual) {
	v, t := YMM(), YMM()
	f, d, a = YMM(), YMM(), YMM()
	VMULPS(at(s.y, 32*j), s.inv, v)
	VMAXPS(s.below, v, v)
	VMINPS(s.limit, v, v)
	VADDPS(s.magic, v, t)
	VXORPS(t, odd, odd)
	VSUBPS(s.magic, t, f)
	VSUBPS(f, v, d)
	VANDPS(s.absMask, d, a)
	VMOVUPS(f, s.f.Offset(32*j))
	VMOVUPS(d, s.d.Offset(32*j))
	return d, a, f
}

// halfGain is ½ - |d|, with its sign bit set where |f| is q. It stores it.
func (s *search) halfGain(j int, a, f, half, q VecVirtual) VecVirtual {
	g, face := YMM(), YMM()
	VANDPS(s.absMask, f, face)
	VCMPPS(U8(equal), q, face, face)
	VPSLLD(U8(31), face, face)
	VSUBPS(a, half, g)
	VXORPS(face, g, g)
	VMOVUPS(g, s.g.Offset(32*j))
	return g
}

// sign is ±1 in integers, as d's sign bit.
func (s *search) sign(d VecVirtual) VecVirtual {
	v := YMM()
	VPSRAD(U8(31), d, v)
	VPOR(s.intOne, v, v)
	return v
}

// doubled is 2·f in integers.
func doubled(f VecVirtual) VecVirtual {
	v := YMM()
	VADDPS(f, f, v)
	VCVTPS2DQ(v, v)
	return v
}

// store packs the codes of rows j and j+1.
func (s *search) store(j int, a, b VecVirtual) {
	VPACKSSDW(b, a, a)
	VPERMQ(U8(0xd8), a, a)
	VMOVDQU(a, at(s.z, 16*j))
}

func nearestE8(c constants) {
	TEXT("nearestE8AVX2", NOSPLIT, "func(z *[64]int16, y *[64]float32, inv, limit, q float32)")
	Doc("nearestE8AVX2 is nearestE8Generic.")
	Pragma("noescape")
	s := newSearch(c)
	s.g = AllocLocal(8 * 32)
	q, point5 := broadcast("q"), YMM()
	VMOVUPS(s.half, point5)
	odd, negatives, sum, maxInt, maxHalf := zero(), zero(), zero(), zero(), YMM()
	VMOVUPS(s.one, maxHalf)
	VXORPS(s.signMask, maxHalf, maxHalf)
	for j := range 8 {
		d, a, f := s.round(j, odd)
		VXORPS(d, negatives, negatives)
		VADDPS(a, sum, sum)
		VMAXPS(a, maxInt, maxInt)
		VMAXPS(s.halfGain(j, a, f, point5, q), maxHalf, maxHalf)
	}
	oddInt, oddHalf := odd, negatives
	VPSLLD(U8(31), odd, oddInt)
	VXORPS(oddInt, negatives, oddHalf)
	costInt, costHalf, cost := YMM(), YMM(), YMM()
	nothing := zero()
	VADDPS(maxInt, maxInt, cost)
	VMOVUPS(s.one, costInt)
	VSUBPS(cost, costInt, costInt)
	VBLENDVPS(oddInt, costInt, nothing, costInt)
	VADDPS(maxHalf, maxHalf, cost)
	VMOVUPS(s.one, costHalf)
	VSUBPS(cost, costHalf, costHalf)
	VBLENDVPS(oddHalf, costHalf, nothing, costHalf)
	VMOVUPS(s.two, cost)
	VSUBPS(sum, cost, cost)
	VADDPS(costHalf, cost, costHalf)
	half := YMM()
	VCMPPS(U8(lessThan), costInt, costHalf, half)
	best, flip := YMM(), YMM()
	VBLENDVPS(half, maxHalf, maxInt, best)
	VBLENDVPS(half, oddHalf, oddInt, flip)
	VPSRAD(U8(31), flip, flip)
	var codes [8]VecVirtual
	for j := range 8 {
		f, d, hit, inward := YMM(), YMM(), YMM(), YMM()
		VMOVUPS(s.f.Offset(32*j), f)
		VMOVUPS(s.d.Offset(32*j), d)
		VMOVUPS(s.g.Offset(32*j), inward)
		VANDPS(s.absMask, d, hit)
		VBLENDVPS(half, inward, hit, hit)
		VPSRAD(U8(31), inward, inward)
		VCMPPS(U8(equal), best, hit, hit)
		VANDPS(flip, hit, hit)
		VANDNPS(flip, hit, flip)
		sign, code := s.sign(d), doubled(f)
		part := YMM()
		VPAND(half, sign, part)
		VPADDD(part, code, code)
		outward := inward
		VPANDN(half, inward, outward)
		VPXOR(outward, sign, sign)
		VPSUBD(outward, sign, sign)
		VPAND(hit, sign, sign)
		VPADDD(sign, code, code)
		VPADDD(sign, code, code)
		codes[j] = code
		if j&1 == 1 {
			s.store(j-1, codes[j-1], code)
		}
	}
	VZEROUPPER()
	RET()
}

func nearestD4(c constants) {
	TEXT("nearestD4AVX2", NOSPLIT, "func(z *[64]int16, y *[64]float32, inv, limit float32)")
	Doc("nearestD4AVX2 is nearestD4Generic.")
	Pragma("noescape")
	s := newSearch(c)
	for first := 0; first < 8; first += 4 {
		odd, best := zero(), zero()
		for j := first; j < first+4; j++ {
			_, a, _ := s.round(j, odd)
			VMAXPS(a, best, best)
		}
		flip := YMM()
		VPSLLD(U8(31), odd, flip)
		VPSRAD(U8(31), flip, flip)
		var codes [8]VecVirtual
		for j := first; j < first+4; j++ {
			f, d, hit := YMM(), YMM(), YMM()
			VMOVUPS(s.f.Offset(32*j), f)
			VMOVUPS(s.d.Offset(32*j), d)
			VANDPS(s.absMask, d, hit)
			VCMPPS(U8(equal), best, hit, hit)
			VANDPS(flip, hit, hit)
			VANDNPS(flip, hit, flip)
			sign, code := s.sign(d), doubled(f)
			VPAND(hit, sign, sign)
			VPADDD(sign, code, code)
			VPADDD(sign, code, code)
			codes[j] = code
			if j&1 == 1 {
				s.store(j-1, codes[j-1], code)
			}
		}
	}
	VZEROUPPER()
	RET()
}
