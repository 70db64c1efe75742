package eval

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func TestMean(t *testing.T) {
	assert.Equal(t, Estimate{}, Mean(nil))
	assert.Equal(t, Estimate{Value: 3}, Mean([]float64{3}))
	m := Mean([]float64{1, 2, 3, 4})
	assert.InDelta(t, 2.5, m.Value, 1e-15)
	assert.InDelta(t, math.Sqrt(5.0/3/4), m.Error, 1e-15)
}

func TestPerplexity(t *testing.T) {
	same := []float64{-math.Log(8), -math.Log(8), -math.Log(8)}
	p := Perplexity(same)
	assert.InDelta(t, 8, p.Value, 1e-12)
	assert.InDelta(t, 0, p.Error, 1e-12)

	// Two tokens, of probability 1/2 and 1/8: the geometric mean is 1/4; the error is that of the
	// mean of ln 2 and ln 8, which is ln 2, times four.
	p = Perplexity([]float64{-math.Log(2), -math.Log(8)})
	assert.InDelta(t, 4, p.Value, 1e-12)
	assert.InDelta(t, 4*math.Ln2, p.Error, 1e-12)
}

func TestPerplexityChangeIsPaired(t *testing.T) {
	base := []float64{-1, -5, -0.1, -9, -3}
	worse := make([]float64, len(base))
	for i, l := range base {
		worse[i] = l - math.Log(1.1)
	}
	c := PerplexityChange(base, worse)
	assert.InDelta(t, 10, c.Percent, 1e-9)
	assert.InDelta(t, 10, c.Low, 1e-9, "every token changed alike, however much they differ")
	assert.InDelta(t, 10, c.High, 1e-9)
}

// TestIntervalCovers draws changes with a known mean: 95 of 100 intervals must hold it.
func TestIntervalCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const rounds, tokens, drift = 2000, 200, 0.01
	held := 0
	for range rounds {
		base, logp := make([]float64, tokens), make([]float64, tokens)
		for i := range base {
			base[i] = -3 * rng.ExpFloat64()
			logp[i] = base[i] - drift + 0.1*rng.NormFloat64()
		}
		c := PerplexityChange(base, logp)
		if truth := 100 * math.Expm1(drift); c.Low <= truth && truth <= c.High {
			held++
		}
	}
	assert.InDelta(t, 0.95, float64(held)/rounds, 0.015)
}

func TestShare(t *testing.T) {
	assert.Equal(t, Estimate{}, Share(0, 0))
	s := Share(90, 100)
	assert.InDelta(t, 90, s.Value, 1e-12)
	assert.InDelta(t, 3, s.Error, 1e-12)
}

func TestDecibels(t *testing.T) {
	assert.InDelta(t, 30, *decibels(1000, 1), 1e-12)
	assert.Nil(t, decibels(1, 0))
	assert.Nil(t, decibels(0, 0))
}

func levelsOf(p ...float64) backend.Levels {
	logits := make([]float32, len(p))
	for i, v := range p {
		logits[i] = float32(math.Log(v))
	}
	return backend.NewLevels(nil, logits)
}

func TestDivergence(t *testing.T) {
	for _, c := range []struct {
		p, q []float64
		want float64
	}{
		{[]float64{0.5, 0.5}, []float64{0.5, 0.5}, 0},
		{[]float64{0.5, 0.5}, []float64{0.9, 0.1}, 0.5*math.Log(0.5/0.9) + 0.5*math.Log(0.5/0.1)},
		{[]float64{0.9, 0.1}, []float64{0.5, 0.5}, 0.9*math.Log(0.9/0.5) + 0.1*math.Log(0.1/0.5)},
		{[]float64{0.7, 0.2, 0.1}, []float64{0.1, 0.2, 0.7}, 0.6 * math.Log(7)},
	} {
		got, err := Divergence(levelsOf(c.p...), levelsOf(c.q...))
		require.NoError(t, err)
		assert.InDelta(t, c.want, got, 4e-4, "%v %v", c.p, c.q)
	}
	_, err := Divergence(levelsOf(1), levelsOf(0.5, 0.5))
	require.ErrorIs(t, err, base.ErrInvalid)
}

// TestRoundingMovesDivergenceLittle compares with the exact value, for distributions over a
// vocabulary that differ as little as those of a fine codec.
func TestRoundingMovesDivergenceLittle(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const size, rounds = 4096, 200
	var exact, rounded float64
	for range rounds {
		a, b := make([]float32, size), make([]float32, size)
		for i := range a {
			a[i] = float32(3 * rng.NormFloat64())
			b[i] = a[i] + float32(0.02*rng.NormFloat64())
		}
		var za, zb float64
		for i := range a {
			za += math.Exp(float64(a[i]))
			zb += math.Exp(float64(b[i]))
		}
		for i := range a {
			exact += math.Exp(float64(a[i])) / za * (float64(a[i]) - float64(b[i]) + math.Log(zb/za))
		}
		kl, err := Divergence(backend.NewLevels(nil, a), backend.NewLevels(nil, b))
		require.NoError(t, err)
		rounded += kl
	}
	assert.InDelta(t, exact/rounds, rounded/rounds, 2e-7)
	assert.Greater(t, exact/rounds, 1e-4)
}

func TestWindows(t *testing.T) {
	tokens := []backend.Token{1, 2, 3, 4, 5, 6, 7}
	assert.Equal(t, []Window{{1, 2, 3}, {4, 5, 6}}, Cut(tokens, nil, 3, 0))
	assert.Equal(t, []Window{{1, 2, 3}}, Cut(tokens, nil, 3, 1))
	assert.Equal(t, []Window{{0, 1, 2}, {0, 3, 4}, {0, 5, 6}}, Cut(tokens, []backend.Token{0}, 3, 0))
	assert.Equal(t, []Window{{1, 2, 3, 4, 5, 6, 7}}, Cut(tokens, nil, 512, 0), "a short text is one window")
	assert.Empty(t, Cut(tokens[:1], nil, 512, 0), "nothing comes before the one token")
	assert.Equal(t, 4, scored(Cut(tokens, nil, 3, 0)))
}
