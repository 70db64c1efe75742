package compare

import (
	"math"
	"slices"
)

// exactRanks is up to how many values the distribution of signed ranks is computed; above it is
// normal to four digits.
const exactRanks = 100

// signedRanks is the Hodges-Lehmann median of x and the ends of its interval, which leaves out the
// truth with a probability of at most alpha if x are independent and each as likely above it by
// something as below. ok is false when x are too few for that.
func signedRanks(x []float64, alpha float64) (middle, low, high float64, ok bool) {
	n := len(x)
	if n == 0 {
		return 0, 0, 0, false
	}
	walsh := make([]float64, 0, n*(n+1)/2)
	for i, a := range x {
		for _, b := range x[i:] {
			walsh = append(walsh, (a+b)/2)
		}
	}
	slices.Sort(walsh)
	middle = median(walsh)
	k := criticalRank(n, alpha/2)
	if k < 0 {
		return middle, 0, 0, false
	}
	return middle, walsh[k], walsh[len(walsh)-1-k], true
}

// criticalRank is the largest k with P(T ≤ k) ≤ tail, T being the sum of the ranks of those of n
// values that are positive when each is as likely positive as negative. -1: there is none.
func criticalRank(n int, tail float64) int {
	if n > exactRanks {
		m := float64(n) * float64(n+1) / 4
		s := math.Sqrt(m * float64(2*n+1) / 6)
		return int(math.Floor(m - s*normalQuantile(1-tail) - 0.5))
	}
	// ways[t] of drawing ranks with the sum t, in parts of all.
	ways := make([]float64, n*(n+1)/2+1)
	ways[0] = 1
	for rank := 1; rank <= n; rank++ {
		for t := len(ways) - 1; t >= 0; t-- {
			ways[t] /= 2
			if t >= rank {
				ways[t] += ways[t-rank] / 2
			}
		}
	}
	sum := 0.0
	for k, w := range ways {
		if sum += w; sum > tail {
			return k - 1
		}
	}
	return -1
}

// normalQuantile is the value below which a standard normal variable is with probability p.
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// fewest is how many values an interval needs.
func fewest(alpha float64) int {
	n := 1
	for criticalRank(n, alpha/2) < 0 {
		n++
	}
	return n
}

// median of sorted values.
func median(sorted []float64) float64 { return quantile(sorted, 0.5) }

// quantile of sorted values, between neighbours in proportion.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
