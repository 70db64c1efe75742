package backend

import "math"

// LevelsPerNat is how many steps of [Levels] a natural unit of log-probability has.
const LevelsPerNat = 2048

// Levels are a distribution over the vocabulary, [vocabulary], rounded so that it fits two bytes a
// token: how far the log-probability of each token lies below that of the likeliest, in steps of
// 1/LevelsPerNat. The likeliest has 0; what lies 32 nats or more below has the largest number. It
// is not normalised: P(t) = exp(-l[t]/LevelsPerNat) over the sum of all of these. The rounding
// moves a divergence of two distributions by some 2e-8.
type Levels []uint16

// NewLevels rounds logits, [vocabulary], into dst, which is used again if it is large enough.
// Logits that are -Inf get the largest number. At least one must be finite, none NaN.
func NewLevels(dst Levels, logits []float32) Levels {
	if cap(dst) < len(logits) {
		dst = make(Levels, len(logits))
	}
	dst = dst[:len(logits)]
	highest := float32(math.Inf(-1))
	for _, l := range logits {
		highest = max(highest, l)
	}
	for i, l := range logits {
		dst[i] = uint16(min((highest-l)*LevelsPerNat+0.5, math.MaxUint16))
	}
	return dst
}
