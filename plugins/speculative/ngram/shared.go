package ngram

import (
	"hash/maphash"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// separator is between texts in the ring. No vocabulary has it.
const separator drafter.Token = -1

// grams are the lengths that the shared index is asked for, longest first.
var grams = [...]int{8, 5}

// shared is the index of texts that have ended. It is safe for concurrent use.
type shared struct {
	mu    sync.RWMutex
	seed  maphash.Seed
	ring  []drafter.Token
	next  int // where the next token goes
	table []entry
}

// entry is where an n-gram was seen last: the index in the ring of the token that follows.
type entry struct {
	tag uint32 // of the hash; 0: none
	at  uint32
}

func newShared(tokens int) *shared {
	if tokens == 0 {
		return nil
	}
	s := &shared{seed: maphash.MakeSeed(), ring: make([]drafter.Token, tokens), table: make([]entry, tokens)}
	for i := range s.ring {
		s.ring[i] = separator
	}
	return s
}

// memory is the bytes of an index of so many tokens.
func memory(tokens int) int64 { return int64(tokens) * (4 + 8) }

// slot is the place of an n-gram of a scope in the table, and its tag.
func (s *shared) slot(scope string, gram []drafter.Token) (*entry, uint32) {
	var h maphash.Hash
	h.SetSeed(s.seed)
	_, _ = h.WriteString(scope)
	_ = h.WriteByte(byte(len(gram)))
	for _, t := range gram {
		maphash.WriteComparable(&h, t)
	}
	sum := h.Sum64()
	return &s.table[sum%uint64(len(s.table))], uint32(sum>>32) | 1
}

// add puts the end of a text into the index, as much as a quarter of it takes.
func (s *shared) add(scope string, text []drafter.Token) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	text = text[max(0, len(text)-len(s.ring)/4):]
	for i, t := range text {
		at := s.put(t)
		for _, n := range grams {
			if i >= n {
				e, tag := s.slot(scope, text[i-n:i])
				*e = entry{tag, uint32(at)}
			}
		}
	}
	s.put(separator)
}

func (s *shared) put(t drafter.Token) (at int) {
	at = s.next
	s.ring[at] = t
	s.next = (at + 1) % len(s.ring)
	return at
}

// propose is what followed the end of a text elsewhere, if the match is longer than least.
func (s *shared) propose(scope string, text []drafter.Token, least, n int) (tokens []drafter.Token, confidence []float32) {
	if s == nil {
		return nil, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, length := range grams {
		if length <= least || length > len(text) {
			continue
		}
		e, tag := s.slot(scope, text[len(text)-length:])
		if e.tag != tag {
			continue
		}
		at := int(e.at)
		// What was overwritten is found out here, and so are n-grams of equal tags.
		found := at >= length && common(s.ring[:at], text) >= length
		if !found {
			continue
		}
		m := match{at: at, length: length, places: 1, agree: 1}
		if tokens, confidence = m.follow(s.ring[:len(s.ring):len(s.ring)], min(n, len(s.ring)-at)); len(tokens) > 0 {
			return tokens, confidence
		}
	}
	return nil, nil
}
