package sampling

import "math"

const (
	expSteps  = 256                 // table entries between 1 and 2
	expScale  = expSteps / math.Ln2 // steps in one unit of x
	expStep   = math.Ln2 / expSteps // one step in units of x
	expLowest = -1000.0 * expSteps  // in steps: below it exp is taken for 0
)

// expTable holds the bits of 2^(i/expSteps). Square roots and products of float64 are rounded
// correctly everywhere, so it is the same on every platform.
var expTable = func() (table [expSteps]uint64) {
	for i := range table {
		v, root := 1.0, 2.0
		for bit := expSteps / 2; bit > 0; bit /= 2 {
			root = math.Sqrt(root)
			if i&bit != 0 {
				v *= root
			}
		}
		table[i] = math.Float64bits(v)
	}
	return table
}()

// exp returns e^x for x <= 0 with a relative error below 1e-9, and 0 where e^x is below 2^-1000.
func exp(x float64) float64 { return expOfSteps(float64(x * expScale)) }

// expOfSteps is exp with x in steps. It is small enough to be inlined, takes a third of the time
// of math.Exp, and gives the same bits on every platform, because each product is rounded before
// it is added.
func expOfSteps(s float64) float64 {
	if !(s > expLowest) {
		return 0
	}
	k := int64(s - 0.5)
	r := (s - float64(k)) * expStep
	p := 1 + float64(r*(1+float64(r*0.5)))
	return float64(p * math.Float64frombits(expTable[k&(expSteps-1)]+uint64(k&^(expSteps-1))<<44))
}

// sumExp returns the sum of e^((x[i]-top)*scale); top is the greatest of x, scale is positive.
func sumExp(x []float32, top float32, scale float64) float64 {
	t, scale := float64(top), float64(scale*expScale)
	var a, b float64
	for len(x) >= 2 {
		a += expOfSteps(float64((float64(x[0]) - t) * scale))
		b += expOfSteps(float64((float64(x[1]) - t) * scale))
		x = x[2:]
	}
	if len(x) > 0 {
		a += expOfSteps(float64((float64(x[0]) - t) * scale))
	}
	return a + b
}
