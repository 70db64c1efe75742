package eval

import (
	"fmt"
	"math"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// exponentials are exp(-l) of all levels l.
var exponentials = sync.OnceValue(func() *[math.MaxUint16 + 1]float64 {
	var t [math.MaxUint16 + 1]float64
	for l := range t {
		t[l] = math.Exp(-float64(l) / backend.LevelsPerNat)
	}
	return &t
})

// Divergence is the Kullback-Leibler divergence KL(p ‖ q) = Σ p ln(p/q), in nats.
func Divergence(p, q backend.Levels) (float64, error) {
	if len(p) != len(q) {
		return 0, fmt.Errorf("distributions over %d and %d tokens: %w", len(p), len(q), base.ErrInvalid)
	}
	e := exponentials()
	var sumP, sumQ, moved float64
	for i, a := range p {
		b := q[i]
		w := e[a]
		sumP += w
		sumQ += e[b]
		moved += w * (float64(b) - float64(a))
	}
	// ln(p/q) of a token is its own difference of levels and that of the two sums.
	return moved/sumP/backend.LevelsPerNat + math.Log(sumQ/sumP), nil
}
