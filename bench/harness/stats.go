package harness

import (
	"fmt"
	"slices"
	"time"
)

// Sample is a list of measurements of one thing.
type Sample []float64

// Quantile returns the q-quantile by the nearest rank; q = 0.5 is the median.
func (s Sample) Quantile(q float64) float64 {
	sorted := slices.Sorted(slices.Values(s))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// Median is Quantile(0.5).
func (s Sample) Median() float64 { return s.Quantile(0.5) }

// String gives the median and the range.
func (s Sample) String() string {
	return fmt.Sprintf("%.1f (%.1f to %.1f)", s.Median(), s.Quantile(0), s.Quantile(1))
}

// Ratios divides measurements pair by pair: those of one round were taken one after the other, so
// a drift of the machine's speed cancels.
func Ratios(a, b Sample) Sample {
	out := make(Sample, min(len(a), len(b)))
	for i := range out {
		out[i] = a[i] / b[i]
	}
	return out
}

// Durations turns times into a sample in the given unit.
func Durations(times []time.Duration, unit time.Duration) Sample {
	out := make(Sample, len(times))
	for i, t := range times {
		out[i] = float64(t) / float64(unit)
	}
	return out
}
