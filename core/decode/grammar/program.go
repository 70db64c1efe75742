package grammar

import "encoding/binary"

// program is a grammar over bytes. Execution is at a node, with a stack of nodes to return to.
type program struct {
	nodes  []node
	rules  []int32 // first node of each rule
	start  int32
	sets   []byteSet
	kindOf [256]uint8 // bytes that no set tells apart have the same kind
	sample []uint8    // a byte of each kind
}

type op uint8

const (
	opRead   op = iota // reads a byte of sets[arg] and goes on at next
	opSplit            // goes on at next, and at arg
	opCall             // goes on at rules[arg], which returns to next
	opReturn           // goes on at the top of the stack
)

type node struct {
	op        op
	next, arg int32
}

// returnNode is the program's one opReturn. A call with it as its next needs no stack.
const returnNode = 0

// byteSet has bit b%64 of word b/64 set for each of its bytes.
type byteSet [4]uint64

func (s *byteSet) add(from, to byte) {
	for b := int(from); b <= int(to); b++ {
		s[b/64] |= 1 << (b % 64)
	}
}

func (s *byteSet) has(b byte) bool { return s[b/64]>>(b%64)&1 != 0 }

// classify sets kindOf and sample: two bytes are of a kind when they are in the same sets.
func (p *program) classify() {
	kinds := map[string]uint8{}
	for b := range 256 {
		var key []byte
		var bits uint64
		for i, set := range p.sets {
			bits <<= 1
			if set.has(byte(b)) {
				bits |= 1
			}
			if i%64 == 63 || i == len(p.sets)-1 {
				key = binary.LittleEndian.AppendUint64(key, bits)
				bits = 0
			}
		}
		kind, known := kinds[string(key)]
		if !known {
			kind = uint8(len(kinds))
			kinds[string(key)] = kind
			p.sample = append(p.sample, byte(b))
		}
		p.kindOf[b] = kind
	}
}
