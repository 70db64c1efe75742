package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const lanes = 16 // float32 of a register

// pointer loads a pointer parameter.
func pointer(name string) Register { return Load(Param(name), GP64()) }

// rows addresses up to eight rows that lie stride bytes apart.
type rows struct {
	base                    Register
	one, three, five, seven Register
}

func newRows(base, stride Register, n int) rows {
	r := rows{base: base, one: stride}
	if n > 3 {
		r.three = multiple(stride, 3)
	}
	if n > 5 {
		r.five, r.seven = multiple(stride, 5), multiple(stride, 7)
	}
	return r
}

func multiple(stride Register, by int) Register {
	g := GP64()
	IMUL3Q(U8(by), stride, g)
	return g
}

// at is byte off of row i.
func (r rows) at(i, off int) Mem {
	m := Mem{Base: r.base, Disp: off}
	switch i {
	case 1:
		m.Index, m.Scale = r.one, 1
	case 2:
		m.Index, m.Scale = r.one, 2
	case 3:
		m.Index, m.Scale = r.three, 1
	case 4:
		m.Index, m.Scale = r.one, 4
	case 5:
		m.Index, m.Scale = r.five, 1
	case 6:
		m.Index, m.Scale = r.three, 2
	case 7:
		m.Index, m.Scale = r.seven, 1
	}
	return m
}

func registers(n int) []VecVirtual {
	z := make([]VecVirtual, n)
	for i := range z {
		z[i] = ZMM()
	}
	return z
}

func clearAll(z []VecVirtual) {
	for _, r := range z {
		VPXORD(r, r, r)
	}
}

// constants are the patterns in read-only memory.
var constants = map[string]Mem{}

// constant is a float32 pattern in read-only memory, to be broadcast; the same for the same name.
func constant(name string, bits uint32) Mem {
	if m, ok := constants[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	DATA(0, U32(bits))
	constants[name] = m
	return m
}

func broadcast(m Mem) VecVirtual {
	z := ZMM()
	VBROADCASTSS(m, z)
	return z
}

// dot4 adds to each of 16 sums in acc the products of four unsigned bytes of u with the four signed
// bytes at m. The generator does not know VPDPBUSD, the assembler does.
func dot4(m Mem, u, acc VecVirtual) {
	ops := []Op{m, u, acc}
	Instruction(&ir.Instruction{Opcode: "VPDPBUSD", Suffixes: []string{"BCST"}, Operands: ops, Inputs: ops, Outputs: []Op{acc}})
}
