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
