package drafter

import (
	"encoding/binary"
	"math"

	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Flags of a proposal in an answer.
const (
	hasConfidence = 1
	hasDrawn      = 2
)

// maxTurnError is the most bytes of one turn's error in an answer.
const maxTurnError = 10 << 10

// answerRoom is the most bytes that the answer to a turn takes.
func answerRoom(ask Ask) int {
	n := ask.N * 8
	if ask.Sample {
		n += ask.N * (2 + 8*MaxSupport)
	}
	return 8 + max(n, maxTurnError)
}

// appendTurn appends the answer to one turn. Proposals of an implementation that breaks its
// promises may be too long; the peer finds out.
func appendTurn(b []byte, t *Turn) []byte {
	if t.Err != nil {
		text := link.MarshalError(errorMap.Encode(t.Err))
		text = text[:min(len(text), maxTurnError)]
		b = binary.LittleEndian.AppendUint32(append(b, 1), uint32(len(text)))
		return append(b, text...)
	}
	p := &t.Proposal
	b = binary.LittleEndian.AppendUint16(append(b, 0), uint16(len(p.Tokens)))
	b = append(b, hasConfidence*flag(p.Confidence != nil)|hasDrawn*flag(p.Drawn != nil))
	b = appendTokens(b, p.Tokens)
	b = appendFloats(b, p.Confidence)
	for i := range p.Drawn {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(p.Drawn[i].Tokens)))
		b = appendTokens(b, p.Drawn[i].Tokens)
		b = appendFloats(b, p.Drawn[i].Probabilities)
	}
	return b
}

func appendTokens(b []byte, tokens []Token) []byte {
	for _, t := range tokens {
		b = binary.LittleEndian.AppendUint32(b, uint32(t))
	}
	return b
}

func appendFloats(b []byte, x []float32) []byte {
	for _, f := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

// reader takes bytes apart and notes when there are too few.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.short = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() int {
	if b := r.take(2); b != nil {
		return int(binary.LittleEndian.Uint16(b))
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) tokens(n int) []Token {
	b := r.take(4 * n)
	if b == nil || n == 0 {
		return nil
	}
	out := make([]Token, n)
	for i := range out {
		out[i] = Token(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

func (r *reader) floats(n int) []float32 {
	b := r.take(4 * n)
	if b == nil || n == 0 {
		return nil
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// turn reads the answer to one turn: a proposal, or an error for [base.ErrorMap.Decode].
func (r *reader) turn() (Proposal, error) {
	var p Proposal
	if kind := r.byte(); kind == 1 {
		text := r.take(int(min(r.uint32(), link.MaxMessage)))
		return p, link.UnmarshalError(text)
	} else if kind != 0 {
		return p, link.ErrAnswer
	}
	n, flags := r.uint16(), r.byte()
	if flags&^(hasConfidence|hasDrawn) != 0 {
		return p, link.ErrAnswer
	}
	p.Tokens = r.tokens(n)
	if flags&hasConfidence != 0 {
		p.Confidence = r.floats(n)
	}
	if flags&hasDrawn != 0 {
		for range n {
			if r.short {
				break
			}
			m := r.uint16()
			p.Drawn = append(p.Drawn, Distribution{Tokens: r.tokens(m), Probabilities: r.floats(m)})
		}
	}
	if r.short {
		return Proposal{}, link.ErrAnswer
	}
	return p, nil
}
