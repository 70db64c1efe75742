package experiment

import "math"

// Share gathers the mean of values from 0 to 1, such as how often something happened. The zero value
// is empty.
type Share struct {
	N   int64   `json:"n"`
	Sum float64 `json:"sum"`
}

// Add takes a value from 0 to 1 in.
func (s *Share) Add(x float64) {
	s.N++
	s.Sum += min(max(x, 0), 1)
}

// Event takes in whether something happened.
func (s *Share) Event(happened bool) {
	if happened {
		s.Add(1)
		return
	}
	s.Add(0)
}

// Value is the mean; 0 of nothing.
func (s *Share) Value() float64 {
	if s.N == 0 {
		return 0
	}
	return s.Sum / float64(s.N)
}

// Interval returns the mean between the ends of the confidence sequence that leaves out the truth at
// some time with a probability of at most alpha. It holds the shares p for which
//
//	B(S+½, F+½) / B(½, ½) / ( p^S (1−p)^F )  <  1/α
//
// where S is the sum, F = n − S, and B is the beta function: the likelihood ratio of p, mixed over
// Jeffreys' prior, which is a martingale that exceeds 1/α with a probability of at most α (J. Ville).
// For values between 0 and 1 it is a supermartingale, since the ratio is convex in each of them, and
// the interval holds too.
func (s *Share) Interval(alpha float64) Interval {
	v := s.Value()
	if s.N == 0 {
		return Interval{High: 1}
	}
	successes, failures := s.Sum, float64(s.N)-s.Sum
	mixed := logBeta(successes+0.5, failures+0.5) - logBeta(0.5, 0.5)
	within := func(p float64) bool {
		return mixed-xlog(successes, p)-xlog(failures, 1-p) < -math.Log(alpha)
	}
	return Interval{Low: edge(within, v, 0), Value: v, High: edge(within, v, 1)}
}

// edge is where within ends on the way from a point within to an end. What it returns is not within,
// unless it is the end itself.
func edge(within func(float64) bool, from, end float64) float64 {
	if within(end) {
		return end
	}
	for range 60 {
		middle := (from + end) / 2
		if within(middle) {
			from = middle
		} else {
			end = middle
		}
	}
	return end
}

// xlog is x·ln(y), and 0 where x is.
func xlog(x, y float64) float64 {
	if x == 0 {
		return 0
	}
	return x * math.Log(y)
}

func logBeta(a, b float64) float64 {
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	return la + lb - lab
}
