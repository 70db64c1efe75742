package compare

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// simulated is a bench whose channels take a time that is drawn: a machine that drifts, noise, and
// outliers.
type simulated struct {
	r     *rand.Rand
	asked int
	slow  map[string]float64 // factors of time
}

func (s *simulated) Open(_ context.Context, name string) (Channel, error) {
	return &simulatedChannel{bench: s, name: name}, nil
}

func (*simulated) Processes() []Process { return nil }

type simulatedChannel struct {
	Channel
	bench *simulated
	name  string
}

func (c *simulatedChannel) Info() Info { return Info{Name: c.name} }
func (c *simulatedChannel) Close()     {}

func (c *simulatedChannel) Prompt(context.Context, Prompt) ([]backend.Token, error) {
	return make([]backend.Token, 50), nil
}

func (c *simulatedChannel) Answer(_ context.Context, tokens []backend.Token, n int) (Answer, error) {
	s := c.bench
	s.asked++
	factor := 1 + 0.3*math.Sin(float64(s.asked)/40) // the machine's drift
	factor *= math.Exp(0.03 * s.r.NormFloat64())
	if s.r.IntN(20) == 0 {
		factor *= 2 // something else ran
	}
	if slow, ok := s.slow[c.name]; ok {
		factor *= slow
	}
	took := func(ms float64) time.Duration { return time.Duration(ms * factor * float64(time.Millisecond)) }
	return Answer{First: took(100), Prefill: took(90), Generate: took(500), Prompt: len(tokens), Tokens: make([]backend.Token, n)}, nil
}

func simulate(t *testing.T, seed uint64, slow map[string]float64, channels ...string) *Report {
	t.Helper()
	prompts, err := BuiltIn(5)
	require.NoError(t, err)
	report, err := Run(t.Context(), Options{
		Bench: &simulated{r: rand.New(rand.NewPCG(seed, 1)), slow: slow}, Channels: channels,
		Prompts: prompts, Rounds: 5, Seed: seed, NoScores: true,
	})
	require.NoError(t, err)
	return report
}

func TestAgainstItselfFindsNothing(t *testing.T) {
	for seed := range uint64(20) {
		r := simulate(t, seed, nil, "a", "a")
		for _, m := range measures {
			assert.Equal(t, NoFinding, m.into(&r.Channels[1]).Ratio.Verdict, "seed %d", seed)
		}
	}
}

func TestFivePerCentSlowerIsFound(t *testing.T) {
	for seed := range uint64(20) {
		r := simulate(t, seed, map[string]float64{"b": 1.05}, "a", "b")
		for _, m := range measures {
			assert.Equal(t, Slower, m.into(&r.Channels[1]).Ratio.Verdict, "seed %d", seed)
		}
	}
}

// A published table: n, and the largest T at a two-sided error of 0.05 and 0.01.
func TestCriticalRanks(t *testing.T) {
	for _, c := range []struct{ n, at05, at01 int }{{6, 0, -1}, {8, 3, 0}, {10, 8, 3}, {20, 52, 37}, {25, 89, 68}} {
		assert.Equal(t, c.at05, criticalRank(c.n, 0.025), c.n)
		assert.Equal(t, c.at01, criticalRank(c.n, 0.005), c.n)
	}
}

func TestPlanIsBalanced(t *testing.T) {
	for _, n := range []int{2, 3, 4, 5} {
		const prompts, rounds = 6, 10
		places := make(map[[2]int]int)
		seen := make(map[[2]int]bool)
		for _, b := range plan(prompts, rounds, n, 7) {
			seen[[2]int{b.prompt, b.round}] = true
			for where, c := range b.order {
				places[[2]int{where, c}]++
			}
		}
		assert.Len(t, seen, prompts*rounds)
		for at, times := range places {
			assert.InDelta(t, prompts*rounds/n, times, 1, "%d channels: %v", n, at)
		}
	}
	assert.Equal(t, plan(5, 3, 3, 1), plan(5, 3, 3, 1))
	assert.NotEqual(t, plan(5, 3, 3, 1), plan(5, 3, 3, 2))
}
