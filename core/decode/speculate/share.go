package speculate

import "slices"

// Proposal is what may be verified for one request.
type Proposal struct {
	Chances []float64 // for each token, that it and all before it are accepted; they do not rise
	Take    int       // the answer: how many of them are worth verifying
}

// Sharing decides how many drafted tokens a step verifies. Its buffers are used again.
type Sharing struct {
	order []candidate
}

// candidate is one drafted token.
type candidate struct {
	chance float64
	of     int
}

// Decide fills Take so that the step is expected to commit the most tokens a second. The step
// computes base tokens without drafts, which commit sure tokens; it has room for most more.
//
// The chance of a token is at most that of the one before it, so that the best tokens of all
// requests, in the order of their chances, are prefixes of their proposals; how many of them are
// taken is what is best of all numbers, as costs rise in steps.
func (s *Sharing) Decide(curve *Curve, base, sure, most int, proposals []Proposal) {
	s.order = s.order[:0]
	for i := range proposals {
		proposals[i].Take = 0
		for _, c := range proposals[i].Chances {
			s.order = append(s.order, candidate{c, i})
		}
	}
	slices.SortStableFunc(s.order, func(a, b candidate) int {
		switch {
		case a.chance > b.chance:
			return -1
		case a.chance < b.chance:
			return 1
		}
		return a.of - b.of
	})
	s.order = s.order[:min(len(s.order), max(most, 0))]
	n := best(curve, base, float64(sure), s.order)
	for _, c := range s.order[:n] {
		proposals[c.of].Take++
	}
}

// gain is by how much more tokens a second a draft must be expected to bring to be worth its risk.
const gain = 1.02

func best(curve *Curve, base int, sure float64, order []candidate) (n int) {
	rate := sure / curve.Cost(base) * gain
	commits := sure
	for i, c := range order {
		commits += c.chance
		if r := commits / curve.Cost(base+i+1); r > rate {
			rate, n = r, i+1
		}
	}
	return n
}

// Reach is how many tokens a proposal may have before even certain acceptance of all would not make
// a step of base tokens better, at most most. It is what a drafter whose proposals cost nothing is
// asked for.
func Reach(curve *Curve, base, sure, most int) int {
	rate, n := float64(sure)/curve.Cost(base), 0
	for i := 1; i <= most; i++ {
		if r := float64(sure+i) / curve.Cost(base+i); r > rate {
			rate, n = r, i
		}
	}
	return n
}

// Floor is the chance below which a token is not worth verifying beside base others, whatever comes
// with it.
func Floor(curve *Curve, base, sure, most int) float64 {
	rate, floor := float64(sure)/curve.Cost(base), 1.0
	for i := 1; i <= most; i++ {
		floor = min(floor, rate*(curve.Cost(base+i)-curve.Cost(base))/float64(i))
	}
	return max(floor, 0)
}

// Worth is how many tokens to ask of a drafter that takes propose seconds for a token and setup for
// the call, for a request whose proposals have the chances. 0: none, it does not pay.
func Worth(curve *Curve, base, sure int, setup, propose float64, chances []float64) (n int) {
	rate := float64(sure) / curve.Cost(base) * gain
	commits := float64(sure)
	for i, c := range chances {
		commits += c
		if r := commits / (curve.Cost(base+i+1) + setup + propose*float64(i+1)); r > rate {
			rate, n = r, i+1
		}
	}
	return n
}
