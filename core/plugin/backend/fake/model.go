package fake

import (
	"math"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// The fake's language model: the distribution of the next token is a pure function of all tokens
// before it. A handful of candidates, chosen by a hash of the history, stand above a floor that
// all other tokens share. After a byte that begins a character, the bytes that finish it are all
// but certain.

// history is what the model knows of the tokens so far.
type history struct {
	hash uint64
	tail string // bytes of a character that is not whole yet
}

// characters are those of several bytes that the model likes to say.
var characters = []string{"é", "世", "界", "🙂", "ß"}

const (
	candidates = 6
	floorLogit = -12.0
	topLogit   = 6.0
	stepLogit  = 0.9 // between neighbours
	endOneIn   = 48  // an end token leads in one of so many distributions
)

func (h history) next(t backend.Token) history {
	h.hash = mix(h.hash ^ uint64(t+1))
	piece := vocabulary.piece(t, false)
	if len(piece) != 1 {
		h.tail = ""
		return h
	}
	h.tail += piece
	if finish(h.tail) == "" {
		h.tail = ""
	}
	return h
}

func (h history) extend(tokens []backend.Token) history {
	for _, t := range tokens {
		h = h.next(t)
	}
	return h
}

// mix is a bijection of 64-bit numbers that scatters them (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// finish returns the bytes that a begun character lacks, "" when it is none of ours.
func finish(tail string) string {
	for _, c := range characters {
		if len(tail) < len(c) && c[:len(tail)] == tail {
			return c[len(tail):]
		}
	}
	return ""
}

// candidate is a token and its logit.
type candidate struct {
	token backend.Token
	logit float64
}

// distribution is that of the next token.
type distribution struct {
	above []candidate // those above the floor, most likely first
	norm  float64     // log of the sum of all exponentials
}

// distribution appends its candidates to buf.
func (h history) distribution(buf []candidate) distribution {
	above := buf[:0]
	if rest := finish(h.tail); h.tail != "" && rest != "" {
		above = append(above, candidate{backend.Token(rest[0]), 2 * topLogit})
	} else {
		bits := h.hash
		for rank := range candidates {
			bits = mix(bits)
			token := pick(bits)
			if rank == 0 && bits>>32%endOneIn == 0 {
				token = tokenEOS
			}
			if slices.ContainsFunc(above, func(c candidate) bool { return c.token == token }) {
				continue
			}
			jitter := float64(bits>>40%1024) / 1024 * stepLogit / 2
			above = append(above, candidate{token, topLogit - stepLogit*float64(rank) - jitter})
		}
	}
	return newDistribution(above)
}

// pick is mostly a word, at times the first byte of a character of several.
func pick(bits uint64) backend.Token {
	if bits>>16%16 == 0 {
		return backend.Token(characters[bits%uint64(len(characters))][0])
	}
	return firstWord + backend.Token(bits%uint64(len(words)))
}

func newDistribution(above []candidate) distribution {
	sum := float64(vocabulary.size()-len(above)) * math.Exp(floorLogit)
	for _, c := range above {
		sum += math.Exp(c.logit)
	}
	return distribution{above: above, norm: math.Log(sum)}
}

// logit of any token.
func (d distribution) logit(t backend.Token) float64 {
	for _, c := range d.above {
		if c.token == t {
			return c.logit
		}
	}
	return floorLogit
}

// logprob tells of a token and of the n most likely ones. Tokens on the floor come by id.
func (d distribution) logprob(t backend.Token, n int) backend.TokenLogprob {
	out := d.entry(t)
	for _, c := range d.above[:min(n, len(d.above))] {
		out.Top = append(out.Top, d.entry(c.token))
	}
	for id := backend.Token(0); len(out.Top) < n; id++ {
		if d.logit(id) == floorLogit {
			out.Top = append(out.Top, d.entry(id))
		}
	}
	return out
}

func (d distribution) entry(t backend.Token) backend.TokenLogprob {
	return backend.TokenLogprob{
		Token:   t,
		Bytes:   []byte(vocabulary.pieces[t]),
		Logprob: float32(d.logit(t) - d.norm),
	}
}

// levels are the whole of it.
func (d distribution) levels() backend.Levels {
	logits := make([]float32, vocabulary.size())
	for t := range logits {
		logits[t] = float32(d.logit(backend.Token(t)))
	}
	return backend.NewLevels(nil, logits)
}
