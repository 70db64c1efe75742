package experiment

import "math"

// optimum is the number of observations at which intervals of means are as narrow as they can be.
// They hold at every other number too.
const optimum = 300

// Mean gathers a mean and its spread, in one pass (B. P. Welford, Technometrics 4, 1962). The zero
// value is empty.
type Mean struct {
	N     int64   `json:"n"`
	Value float64 `json:"mean"`
	Sum2  float64 `json:"sum2"` // of squared distances from the mean
}

// Add takes an observation in.
func (m *Mean) Add(x float64) {
	m.N++
	d := x - m.Value
	m.Value += d / float64(m.N)
	m.Sum2 += d * (x - m.Value)
}

// Variance is that of the observations; 0 for fewer than two.
func (m *Mean) Variance() float64 {
	if m.N < 2 {
		return 0
	}
	return m.Sum2 / float64(m.N-1)
}

// Interval is an estimate between two ends.
type Interval struct {
	Low   float64 `json:"low"`
	Value float64 `json:"value"`
	High  float64 `json:"high"`
}

// Interval returns the mean between the ends of the asymptotic confidence sequence that leaves it out
// at some time with a probability of alpha. With t observations of the standard deviation s it is
//
//	mean ± s·sqrt( 2(tρ²+1)/(t²ρ²) · ln( sqrt(tρ²+1)/α ) )
//
// where ρ² = (−2 ln α + ln(1 − 2 ln α)) / t* makes it narrowest near t* = 300. It is asymptotic as the
// central limit theorem is: who looks should have some dozens of observations first.
func (m *Mean) Interval(alpha float64) Interval {
	if m.N == 0 {
		return Interval{Low: math.Inf(-1), High: math.Inf(1)}
	}
	w := math.Sqrt(m.Variance()) * boundary(float64(m.N), alpha)
	return Interval{Low: m.Value - w, Value: m.Value, High: m.Value + w}
}

// boundary is the half width of the interval of t observations of variance 1.
func boundary(t, alpha float64) float64 {
	u := -2 * math.Log(alpha)
	x := t * (u + math.Log1p(u)) / optimum // tρ²
	return math.Sqrt((x + 1) / (x * t) * (math.Log1p(x) + u))
}

// enough is how many observations an interval of a mean needs before it is told.
const enough = 100
