package sampling

import (
	"math/bits"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// changes says whether steps 1 to 3, the mask aside, may change a logit.
func (s *Sampler) changes(banned []backend.Token) bool {
	return len(s.history.counts) > 0 || len(s.settings.bias) > 0 || len(banned) > 0
}

// adjust returns the logits after steps 1 to 3. They are valid until its next call.
func (s *Sampler) adjust(logits []float32, mask Mask, banned []backend.Token) []float32 {
	if s.view == nil {
		s.view = make([]float32, s.vocabulary)
	}
	view := s.view
	if mask == nil {
		copy(view, logits)
	} else {
		copyAllowed(view, logits, mask.Mask())
	}
	for t, n := range s.history.counts {
		if uint32(t) < uint32(len(view)) {
			view[t] = s.penalise(view[t], n)
		}
	}
	for _, b := range s.settings.bias {
		view[b.token] += b.value
	}
	for _, t := range banned {
		if uint32(t) < uint32(len(view)) {
			view[t] = negInf
		}
	}
	return view
}

// penalise returns the logit of a token that was seen n times, n > 0.
func (s *Sampler) penalise(logit float32, n int) float32 {
	if logit > 0 {
		logit /= s.settings.repeat
	} else {
		logit = float32(logit * s.settings.repeat)
	}
	return logit - float32(float32(n)*s.settings.frequency) - s.settings.presence
}

// copyAllowed copies the logits of allowed tokens; the others become -Inf.
func copyAllowed(dst, logits []float32, mask []uint64) {
	for at := 0; at < len(logits); at += 64 {
		var allowed uint64
		if at/64 < len(mask) {
			allowed = mask[at/64]
		}
		from := logits[at:min(at+64, len(logits))]
		to := dst[at : at+len(from)]
		if allowed == ^uint64(0) {
			copy(to, from)
			continue
		}
		copy(to, allImpossible[:])
		for ; allowed != 0; allowed &= allowed - 1 {
			if i := bits.TrailingZeros64(allowed); i < len(from) {
				to[i] = from[i]
			}
		}
	}
}

var allImpossible = func() (x [64]float32) {
	for i := range x {
		x[i] = negInf
	}
	return x
}()

// bestOfChanged takes the most likely token of the model's logits and returns the most likely
// one after steps 1 and 2 and without the banned. sure is false when the model's choice is
// itself changed, so that all must be computed.
func (s *Sampler) bestOfChanged(logits []float32, token backend.Token, best float32, banned []backend.Token) (_ backend.Token, _ float32, sure bool) {
	isBanned := func(t backend.Token) bool {
		for _, b := range banned {
			if b == t {
				return true
			}
		}
		return false
	}
	if isBanned(token) {
		return 0, 0, false
	}
	better := func(t backend.Token, v float32) {
		if !(v <= best) || v == best && t < token {
			if !isBanned(t) {
				token, best = t, v
			}
		}
	}
	model := token
	for _, b := range s.settings.bias {
		if b.token == model {
			return 0, 0, false
		}
		v := logits[b.token]
		if n := s.history.counts[b.token]; n > 0 {
			v = s.penalise(v, n)
		}
		better(b.token, v+b.value)
	}
	for t, n := range s.history.counts {
		if t == model {
			return 0, 0, false
		}
		if uint32(t) < uint32(len(logits)) && !s.settings.biased(t) {
			better(t, s.penalise(logits[t], n))
		}
	}
	return token, best, true
}
