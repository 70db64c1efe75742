package speculate_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kakeyad/kakeyad/core/decode/speculate"
)

// A drafter that computes a whole block at once costs the same for one token and for none, one that
// writes token by token costs in proportion: asking for few must not look as dear as asking for many.
func TestAsking(t *testing.T) {
	for name, want := range map[string]speculate.Asking{
		"block": {Setup: 0.004}, "token by token": {Setup: 0.001, Token: 0.002}, "both": {Setup: 0.003, Token: 0.0005},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			var a speculate.Asking
			for range 2000 {
				n := r.IntN(8)
				a.Observe((want.Setup+want.Token*float64(n))*(0.9+0.2*r.Float64()), n)
			}
			assert.InDelta(t, want.Setup, a.Setup, 0.0006)
			assert.InDelta(t, want.Token, a.Token, 0.0003)
		})
	}
}

// The first round that brings nothing tells what asking costs; the next that brings tokens does not make tokens dear.
func TestAskingFromTheFirst(t *testing.T) {
	var a speculate.Asking
	a.Observe(0.004, 2)
	a.Observe(0.004, 0)
	assert.Equal(t, speculate.Asking{Setup: 0.004}, a)
}
