package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// scores is the product of n queries with 16 keys that lie beside each other.
func scores(n int) {
	TEXT(fmt.Sprintf("scores%d", n), NOSPLIT, "func(s *float32, sStride uintptr, q *float32, qStride uintptr, keys *float32, width uintptr)")
	Doc(fmt.Sprintf("scores%d writes the products of %d queries of width elements with 16 keys, stored [width][16]. Strides in bytes.", n, n))
	Pragma("noescape")
	q := newRows(pointer("q"), Load(Param("qStride"), GP64()), n)
	keys, left := pointer("keys"), Load(Param("width"), GP64())
	acc, k := registers(n), ZMM()
	clearAll(acc)
	Label("element")
	VMOVUPS(Mem{Base: keys}, k)
	for i := range n {
		VFMADD231PS_BCST(q.at(i, 0), k, acc[i])
	}
	ADDQ(U8(4*lanes), keys)
	ADDQ(U8(4), q.base)
	DECQ(left)
	JNE(LabelRef("element"))
	s := newRows(pointer("s"), Load(Param("sStride"), GP64()), n)
	for i := range n {
		VMOVUPS(acc[i], s.at(i, 0))
	}
	VZEROUPPER()
	RET()
}

// weigh is the weighted sum of values for n rows of weights, 64 columns at a time.
func weigh(n int) {
	TEXT(fmt.Sprintf("weigh%d", n), NOSPLIT, "func(o *float32, oStride uintptr, p *float32, pStride uintptr, values *float32, vStride uintptr, count uintptr)")
	Doc(fmt.Sprintf("weigh%d writes the sums of count rows of 64 values, weighted by %d rows of count weights. Strides in bytes.", n, n))
	Pragma("noescape")
	p := newRows(pointer("p"), Load(Param("pStride"), GP64()), n)
	values, stride, left := pointer("values"), Load(Param("vStride"), GP64()), Load(Param("count"), GP64())
	acc, v, weight := registers(4*n), registers(4), ZMM()
	clearAll(acc)
	Label("row")
	for j := range v {
		VMOVUPS(Mem{Base: values, Disp: 64 * j}, v[j])
	}
	for i := range n {
		VBROADCASTSS(p.at(i, 0), weight)
		for j := range v {
			VFMADD231PS(weight, v[j], acc[4*i+j])
		}
	}
	ADDQ(stride, values)
	ADDQ(U8(4), p.base)
	DECQ(left)
	JNE(LabelRef("row"))
	o := newRows(pointer("o"), Load(Param("oStride"), GP64()), n)
	for i := range n {
		for j := range v {
			VMOVUPS(acc[4*i+j], o.at(i, 64*j))
		}
	}
	VZEROUPPER()
	RET()
}
