package sampling

import "github.com/kakeyad/kakeyad/core/plugin/backend"

// history counts the last tokens, for the penalties. Without penalties it stays empty.
type history struct {
	keep   int // -1: all, 0: none
	ring   []backend.Token
	oldest int // in ring, once it is full
	counts map[backend.Token]int
}

func newHistory(s settings) history {
	if !s.penalises() {
		return history{}
	}
	return history{keep: s.lastN, counts: map[backend.Token]int{}}
}

func (h *history) add(tokens []backend.Token) {
	if h.keep == 0 {
		return
	}
	if h.keep > 0 && len(tokens) > h.keep {
		tokens = tokens[len(tokens)-h.keep:]
	}
	for _, t := range tokens {
		h.counts[t]++
		switch {
		case h.keep < 0:
		case len(h.ring) < h.keep:
			h.ring = append(h.ring, t)
		default:
			h.forget(h.ring[h.oldest])
			h.ring[h.oldest] = t
			h.oldest = (h.oldest + 1) % h.keep
		}
	}
}

func (h *history) forget(t backend.Token) {
	if h.counts[t]--; h.counts[t] == 0 {
		delete(h.counts, t)
	}
}
