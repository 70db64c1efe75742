package lattice

import "math"

// roundMagic added to and taken from a float32 of magnitude below 2^22 rounds it to the nearest
// integer, ties to even; its lowest bit is then the integer's parity.
const roundMagic = 0x1.8p23

// butterflyGeneric writes sums and differences of the two halves of src to dst, which may be src.
func butterflyGeneric(dst, src []float32) {
	half := len(src) / 2
	lo, hi := src[:half], src[half:]
	dlo, dhi := dst[:half], dst[half:]
	for i := range lo {
		a, b := lo[i], hi[i]
		dlo[i], dhi[i] = a+b, a-b
	}
}

// tileForwardGeneric is the Hadamard transform of 64 elements in natural order into a tile.
func tileForwardGeneric(y, x *[Tile]float32) {
	t := *x
	hadamardDown(t[:])
	for i, v := range t {
		y[position(i)] = v
	}
}

// tileInverseGeneric is the Hadamard transform of a tile of codes times step into natural order.
func tileInverseGeneric(x *[Tile]float32, z *[Tile]int16, step float32) {
	for i := range x {
		x[i] = float32(z[position(i)]) * step
	}
	hadamardUp(x[:])
}

// maxAbsBitsGeneric is the largest of the bit patterns of |x|: the largest magnitude, or above
// 0x7f7fffff when an element is infinite or not a number.
func maxAbsBitsGeneric(x []float32) uint32 {
	var m uint32
	for _, v := range x {
		m = max(m, math.Float32bits(v)&0x7fffffff)
	}
	return m
}

// nearestE8Generic writes twice the point of E8 that is nearest to y·inv in each group of a tile.
// Coordinates are first brought within ±limit. The point is the nearest of those inside [-q, q]
// when limit is just below q; with a q beyond limit it is the nearest of all.
func nearestE8Generic(z *[Tile]int16, y *[Tile]float32, inv, limit, q float32) {
	for b := range 8 {
		var f, d [8]float32
		var odd, negatives uint32 // the parity of the integers, and of the negative remainders
		var sum, maxInt float32
		maxHalf := float32(-1)
		for j := range 8 {
			v := min(max(y[8*j+b]*inv, -limit), limit)
			t := v + roundMagic
			f[j] = t - roundMagic
			d[j] = v - f[j]
			odd ^= math.Float32bits(t)
			negatives ^= math.Float32bits(d[j])
			a := abs(d[j])
			sum += a
			maxInt = max(maxInt, a)
			maxHalf = max(maxHalf, halfGain(f[j], a, q))
		}
		oddInt := odd&1 != 0
		oddHalf := oddInt != (negatives>>31 != 0)
		costInt, costHalf := float32(0), 2-sum
		if oddInt {
			costInt = 1 - float32(2*maxInt)
		}
		if oddHalf {
			costHalf += 1 - float32(2*maxHalf)
		}
		half := costHalf < costInt
		best, flip := maxInt, oddInt
		if half {
			best, flip = maxHalf, oddHalf
		}
		for j := range 8 {
			a := abs(d[j])
			key := a
			sign := int16(1)
			if math.Signbit(float64(d[j])) {
				sign = -1
			}
			code := int16(2 * f[j])
			inward := true
			if half {
				key = halfGain(f[j], a, q)
				inward = abs(f[j]) == q
				code += sign
			}
			if flip && key == best {
				flip = false
				if !inward {
					sign = -sign
				}
				code += 2 * sign
			}
			z[8*j+b] = code
		}
	}
}

// halfGain is the saving of moving to the second nearest half: ½ - a, the distance to the nearest
// one, and its negative where the second nearest lies outside the box and the move is inward.
func halfGain(f, a, q float32) float32 {
	g := 0.5 - a
	if abs(f) == q {
		g = -g
	}
	return g
}

// nearestD4Generic is nearestE8Generic for D4: two blocks in each group.
func nearestD4Generic(z *[Tile]int16, y *[Tile]float32, inv, limit float32) {
	for b := range 16 {
		first := b&7 + b>>3*32
		var f, d [4]float32
		var odd uint32
		var best float32
		for j := range 4 {
			v := min(max(y[8*j+first]*inv, -limit), limit)
			t := v + roundMagic
			f[j] = t - roundMagic
			d[j] = v - f[j]
			odd ^= math.Float32bits(t)
			best = max(best, abs(d[j]))
		}
		flip := odd&1 != 0
		for j := range 4 {
			code := int16(2 * f[j])
			if flip && abs(d[j]) == best {
				flip = false
				if math.Signbit(float64(d[j])) {
					code -= 2
				} else {
					code += 2
				}
			}
			z[8*j+first] = code
		}
	}
}

func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) & 0x7fffffff) }
