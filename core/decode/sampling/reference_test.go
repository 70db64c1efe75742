package sampling

import (
	"math"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// reference is the package comment's eight steps done plainly: sorting everything, in float64.
// It returns the probability of each token, and whether a cut was too close to a bound to say
// which side rounding puts it on.
func reference(p backend.Sampling, logits []float32, seen []backend.Token, allowed func(backend.Token) bool) (probs map[backend.Token]float64, close bool) {
	type entry struct {
		token backend.Token
		logit float64
	}
	last := seen
	if n := p.PenaltyLastN; n >= 0 {
		if n == 0 {
			n = 64
		}
		last = seen[max(0, len(seen)-n):]
	}
	counts := map[backend.Token]int{}
	for _, t := range last {
		counts[t]++
	}
	var list []entry
	for i, l := range logits {
		t := backend.Token(i)
		if n := counts[t]; n > 0 {
			if p.RepeatPenalty != 0 {
				if l > 0 {
					l /= p.RepeatPenalty
				} else {
					l *= p.RepeatPenalty
				}
			}
			l = l - float32(n)*p.FrequencyPenalty - p.PresencePenalty
		}
		l += p.LogitBias[t]
		if allowed(t) && !math.IsInf(float64(l), -1) {
			list = append(list, entry{t, float64(l)})
		}
	}
	byLogit := func() {
		slices.SortStableFunc(list, func(a, b entry) int {
			if a.logit != b.logit {
				return map[bool]int{true: -1, false: 1}[a.logit > b.logit]
			}
			return int(a.token - b.token)
		})
	}
	softmax := func(temperature float64) []float64 {
		top := math.Inf(-1)
		for _, e := range list {
			top = max(top, e.logit)
		}
		out := make([]float64, len(list))
		sum := 0.0
		for i, e := range list {
			out[i] = math.Exp((e.logit - top) / temperature)
			sum += out[i]
		}
		for i := range out {
			out[i] /= sum
		}
		return out
	}
	cut := func(target float64) {
		sum := 0.0
		for i, q := range softmax(1) {
			sum += q
			close = close || math.Abs(sum-target) < 1e-6
			if sum >= target {
				list = list[:i+1]
				return
			}
		}
	}
	byLogit()
	if p.Temperature == 0 {
		list = list[:min(1, len(list))]
	}
	if p.TopK > 0 {
		list = list[:min(p.TopK, len(list))]
	}
	if p.TypicalP > 0 && p.TypicalP < 1 {
		entropy := 0.0
		for _, q := range softmax(1) {
			if q > 0 {
				entropy -= q * math.Log(q)
			}
		}
		distance := map[backend.Token]float64{}
		for i, q := range softmax(1) {
			distance[list[i].token] = math.Abs(-math.Log(q) - entropy)
		}
		slices.SortStableFunc(list, func(a, b entry) int {
			d := distance[a.token] - distance[b.token]
			if math.Abs(d) < 1e-7 && a.token != b.token && a.logit != b.logit {
				close = true
			}
			switch {
			case d < 0:
				return -1
			case d > 0:
				return 1
			}
			return int(a.token - b.token)
		})
		cut(float64(p.TypicalP))
		byLogit()
	}
	if p.TopP > 0 && p.TopP < 1 {
		cut(float64(p.TopP))
	}
	if p.MinP > 0 && len(list) > 0 {
		top := list[0].logit
		list = slices.DeleteFunc(list, func(e entry) bool {
			ratio := math.Exp(e.logit - top)
			close = close || math.Abs(ratio-float64(p.MinP)) < 1e-6
			return ratio < float64(p.MinP)
		})
	}
	temperature := float64(p.Temperature)
	if temperature == 0 {
		temperature = 1
	}
	probs = map[backend.Token]float64{}
	for i, q := range softmax(temperature) {
		probs[list[i].token] = q
	}
	return probs, close
}
