package grammar

import (
	"bytes"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Vocabulary is the tokens of a model as a trie of their bytes. It is made once for a model, is
// immutable and safe for concurrent use.
type Vocabulary struct {
	pieces [][]byte
	trie   []trieNode
	depth  int // of the trie
	ends   []backend.Token
	isEnd  []uint64 // bits
}

// trieNode is a byte of a piece. Nodes are in depth-first order: the first child of a node comes
// right after it.
type trieNode struct {
	skip  int32 // index of the node that follows this one and all below it
	token int32 // that ends with this byte, or -1
	depth uint16
	byte  byte
}

// maxPiece is the length in bytes over which a piece is never allowed by a grammar.
const maxPiece = 1 << 12

// NewVocabulary makes a Vocabulary of tokens 0 to size-1. piece returns the bytes of a token,
// which are kept and must not change; a token without bytes is never allowed, unless it is an end
// token. End tokens end a text and are never part of it.
func NewVocabulary(size int, piece func(t backend.Token) []byte, isEnd func(t backend.Token) bool) *Vocabulary {
	v := &Vocabulary{pieces: make([][]byte, size), isEnd: make([]uint64, (size+63)/64)}
	order := make([]backend.Token, 0, size)
	for t := range backend.Token(size) {
		if isEnd(t) {
			v.ends = append(v.ends, t)
			v.isEnd[t/64] |= 1 << (t % 64)
			continue
		}
		p := piece(t)
		if len(p) == 0 || len(p) > maxPiece {
			continue
		}
		v.pieces[t] = p
		v.depth = max(v.depth, len(p))
		order = append(order, t)
	}
	slices.SortFunc(order, func(a, b backend.Token) int { return bytes.Compare(v.pieces[a], v.pieces[b]) })

	var open []int32 // nodes on the path to the last piece, by depth
	var last []byte
	for _, t := range order {
		p := v.pieces[t]
		shared := 0
		for shared < len(last) && shared < len(p)-1 && last[shared] == p[shared] {
			shared++
		}
		v.close(open[shared:])
		open = open[:shared]
		for i := shared; i < len(p); i++ {
			open = append(open, int32(len(v.trie)))
			v.trie = append(v.trie, trieNode{token: -1, depth: uint16(i), byte: p[i]})
		}
		v.trie[len(v.trie)-1].token = t
		last = p
	}
	v.close(open)
	return v
}

// close sets where to go on after nodes whose subtrees are complete.
func (v *Vocabulary) close(nodes []int32) {
	for _, n := range nodes {
		v.trie[n].skip = int32(len(v.trie))
	}
}

// Size is the number of tokens.
func (v *Vocabulary) Size() int { return len(v.pieces) }

func (v *Vocabulary) endsText(t backend.Token) bool { return v.isEnd[t/64]>>(t%64)&1 != 0 }
