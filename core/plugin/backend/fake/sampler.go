package fake

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// sampler draws tokens of one request. Of Sampling it honours Temperature, TopK, Seed, LogitBias
// and IgnoreEOS; the rest has no effect.
type sampler struct {
	p       backend.Sampling
	seed    uint64
	random  *rand.Rand
	weights []candidate
}

func newSampler(p backend.Sampling) *sampler {
	s := &sampler{p: p, seed: p.Seed}
	for s.seed == 0 {
		s.seed = rand.Uint64()
	}
	if p.Temperature > 0 {
		s.random = rand.New(rand.NewPCG(s.seed, 0))
	}
	return s
}

func (s *sampler) draw(d distribution) backend.Token {
	s.weigh(d)
	if s.p.Temperature == 0 || len(s.weights) == 1 {
		return s.weights[0].token
	}
	if s.p.TopK > 0 {
		s.weights = s.weights[:min(s.p.TopK, len(s.weights))]
	}
	sum, top := 0.0, s.weights[0].logit
	for i, w := range s.weights {
		s.weights[i].logit = math.Exp((w.logit - top) / float64(s.p.Temperature))
		sum += s.weights[i].logit
	}
	left := s.random.Float64() * sum
	for _, w := range s.weights {
		if left -= w.logit; left < 0 {
			return w.token
		}
	}
	return s.weights[0].token
}

// weigh lists what can be drawn with biased logits, most likely first: the candidates, the biased
// tokens, and one of the floor in case that all of those are forbidden.
func (s *sampler) weigh(d distribution) {
	s.weights = s.weights[:0]
	for _, c := range d.above {
		s.consider(c.token, c.logit)
	}
	if len(s.p.LogitBias) == 0 && len(s.weights) > 0 {
		return // in order already
	}
	for t := range s.p.LogitBias {
		if int(t) < vocabulary.size() && d.logit(t) == floorLogit {
			s.consider(t, floorLogit)
		}
	}
	for t := firstWord; len(s.weights) == 0; t++ {
		s.consider(t, floorLogit)
	}
	slices.SortFunc(s.weights, func(a, b candidate) int {
		switch {
		case a.logit > b.logit:
			return -1
		case a.logit < b.logit:
			return 1
		default:
			return int(a.token - b.token)
		}
	})
}

func (s *sampler) consider(t backend.Token, logit float64) {
	bias := s.p.LogitBias[t]
	if bias <= -100 || s.p.IgnoreEOS && isEnd(t) {
		return
	}
	s.weights = append(s.weights, candidate{t, logit + float64(bias)})
}
