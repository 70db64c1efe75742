package sampling

import "math"

// bufferFor is the capacity that topK needs for the k best of n.
func bufferFor(k, n int) int { return min(2*k+64, n) }

// topK returns the k best of x in no order, fewer when x has fewer above -Inf. buffer has the
// capacity of bufferFor. ok is false when a value is NaN or +Inf.
func topK(buffer []candidate, x []float32, k int) (best []candidate, ok bool) {
	best = buffer[:0]
	limit := cap(buffer)
	floor := negInf
	for i := 0; i < len(x); {
		i = above(x, i, floor)
		if i == len(x) {
			break
		}
		v := x[i]
		if !(v <= math.MaxFloat32) {
			return nil, false
		}
		if len(best) == limit {
			first(best, k)
			best, floor = best[:k], best[k-1].logit
			continue
		}
		best = append(best, candidate{token: int32(i), logit: v, rank: float64(v)})
		i++
	}
	if len(best) > k {
		first(best, k)
		best = best[:k]
	}
	return best, true
}

// above returns the index of the first value of x[from:] that is above floor or NaN, or len(x).
func above(x []float32, from int, floor float32) int {
	i := from
	for ; i+8 <= len(x); i += 8 {
		v := x[i : i+8 : i+8]
		if v[0] <= floor && v[1] <= floor && v[2] <= floor && v[3] <= floor &&
			v[4] <= floor && v[5] <= floor && v[6] <= floor && v[7] <= floor {
			continue
		}
		break
	}
	for ; i < len(x); i++ {
		if !(x[i] <= floor) {
			return i
		}
	}
	return len(x)
}

// atLeast appends those of x that are at least floor, -Inf aside, in order of token. top is the
// greatest of x, and nothing in x is NaN.
func atLeast(dst []candidate, x []float32, floor, top float32) []candidate {
	below := math.Nextafter32(floor, negInf)
	for i := above(x, 0, below); i < len(x); i = above(x, i+1, below) {
		c := candidate{token: int32(i), logit: x[i], rank: float64(x[i])}
		c.weigh(top)
		dst = append(dst, c)
	}
	return dst
}
