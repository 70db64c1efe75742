package eval

import "math"

// z95 is how many standard errors a 95 % interval reaches to either side.
const z95 = 1.959963984540054

// Estimate is a mean, or what was made of one, and its standard error.
type Estimate struct {
	Value float64 `json:"value"`
	Error float64 `json:"error"`
}

// Change is a change in percent with the ends of its 95 % interval.
type Change struct {
	Percent float64 `json:"percent"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
}

// Mean is the mean of independent x and its standard error, which is 0 for fewer than two.
func Mean(x []float64) Estimate {
	n := float64(len(x))
	if n == 0 {
		return Estimate{}
	}
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	m := sum / n
	if n < 2 {
		return Estimate{Value: m}
	}
	squares := 0.0
	for _, v := range x {
		squares += (v - m) * (v - m)
	}
	return Estimate{Value: m, Error: math.Sqrt(squares / (n - 1) / n)}
}

// Perplexity of tokens whose log-probabilities are logp. Its error is that of the mean, carried
// through the exponential.
func Perplexity(logp []float64) Estimate {
	m := Mean(logp)
	p := math.Exp(-m.Value)
	return Estimate{Value: p, Error: p * m.Error}
}

// PerplexityChange is how perplexity changes from base to logp, of the same tokens. The interval
// is that of the mean of the differences, token by token: what makes a token hard for both is no
// part of it.
func PerplexityChange(base, logp []float64) Change {
	d := make([]float64, len(base))
	for i := range d {
		d[i] = base[i] - logp[i]
	}
	m := Mean(d)
	percent := func(x float64) float64 { return 100 * math.Expm1(x) }
	return Change{
		Percent: percent(m.Value),
		Low:     percent(m.Value - z95*m.Error),
		High:    percent(m.Value + z95*m.Error),
	}
}

// Share is the part of yes and its standard error, in percent.
func Share(yes, of int) Estimate {
	if of == 0 {
		return Estimate{}
	}
	p := float64(yes) / float64(of)
	return Estimate{Value: 100 * p, Error: 100 * math.Sqrt(p*(1-p)/float64(of))}
}

// decibels is the ratio of energies. Nil: there is none, nothing was lost or nothing was there.
func decibels(signal, noise float64) *float64 {
	if !(signal > 0 && noise > 0) {
		return nil
	}
	db := 10 * math.Log10(signal/noise)
	return &db
}
