package sampling

import (
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Verify is Sample for a token that was drawn by somebody else from the distribution that gives
// tokens[i] probabilities[i]: what it returns has the distribution of what Sample draws, and is the
// drafted token as often as that allows.
//
// The drafted token x is accepted with probability min(1, p(x)/q(x)), where p is the distribution
// that Sample draws from and q the drafter's; otherwise the token is drawn from the positive part of
// p-q, scaled to one (Leviathan et al., Chen et al., 2023). With temperature 0 it is Sample.
//
// Errors: as Sample; base.ErrInvalid when q gives x no probability.
func (s *Sampler) Verify(logits []float32, x backend.Token, tokens []backend.Token, probabilities []float32, mask Mask, banned ...backend.Token) (backend.Token, error) {
	if s.settings.temperature == 0 {
		return s.Sample(logits, mask, banned...)
	}
	if len(logits) != s.vocabulary {
		return 0, fmt.Errorf("%w: %d logits for a vocabulary of %d", base.ErrInvalid, len(logits), s.vocabulary)
	}
	q := make(map[backend.Token]float64, len(tokens))
	var sum float64
	for i, t := range tokens {
		q[t] = float64(probabilities[i])
		sum += q[t]
	}
	if !(q[x] > 0) {
		return 0, fmt.Errorf("%w: token %d was drawn from a distribution that does not have it", base.ErrInvalid, x)
	}
	if mask != nil || s.changes(banned) {
		logits = s.adjust(logits, mask, banned)
	}
	c, mass, err := s.weighed(logits)
	if err != nil {
		return 0, err
	}
	var p float64
	for i := range c {
		if c[i].token == x {
			p = c[i].weight / mass
		}
	}
	if s.random.Float64()*q[x]/sum < p {
		return x, nil
	}
	var residual float64
	for i := range c {
		c[i].weight = max(0, c[i].weight/mass-q[c[i].token]/sum)
		residual += c[i].weight
	}
	if residual == 0 { // q is p, but for rounding: then either will do
		return x, nil
	}
	return s.pick(c, residual), nil
}
