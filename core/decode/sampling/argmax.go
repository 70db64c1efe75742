package sampling

import "math"

var negInf = float32(math.Inf(-1))

// argmax returns the lowest index of the greatest value, and that value. Of a slice with nothing
// above -Inf it returns 0 and -Inf. ok is false when a value is NaN or +Inf.
//
// The comparison is written as "not at most", which is true of a NaN too, so that looking for
// one costs nothing.
func argmax(x []float32) (at int, best float32, ok bool) {
	best = negInf
	i := 0
	for ; i+8 <= len(x); i += 8 {
		v := x[i : i+8 : i+8]
		if v[0] <= best && v[1] <= best && v[2] <= best && v[3] <= best &&
			v[4] <= best && v[5] <= best && v[6] <= best && v[7] <= best {
			continue
		}
		for j, f := range v {
			if !(f <= best) {
				if f != f {
					return 0, 0, false
				}
				at, best = i+j, f
			}
		}
	}
	for ; i < len(x); i++ {
		if f := x[i]; !(f <= best) {
			if f != f {
				return 0, 0, false
			}
			at, best = i, f
		}
	}
	return at, best, best <= math.MaxFloat32
}
