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

func (*simulated) Park(context.Context, string, []backend.Token, int) (*Parking, error) {
	return nil, nil
}

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
	return simulateAt(t, seed, DefaultLevel, DefaultRounds, slow, channels...)
}

func simulateAt(t *testing.T, seed uint64, level float64, rounds int, slow map[string]float64, channels ...string) *Report {
	t.Helper()
	prompts, err := BuiltIn(DefaultPerKind)
	require.NoError(t, err)
	report, err := Run(t.Context(), Options{
		Bench: &simulated{r: rand.New(rand.NewPCG(seed, 1)), slow: slow}, Channels: channels,
		Prompts: prompts, Rounds: rounds, Seed: seed, Level: level, NoScores: true,
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

// The level holds: of many honest comparisons of a channel with itself, no more find a difference than it
// allows. At the default level 20 of 20 find none with a probability of at least 0.999^20 = 0.98.
func TestLevelHolds(t *testing.T) {
	const runs = 1000
	for _, level := range []float64{0.9, 0.99, DefaultLevel} {
		wrong := 0
		for seed := range uint64(runs) {
			r := simulateAt(t, 1000+seed, level, 2, nil, "a", "a")
			for _, m := range measures {
				if m.into(&r.Channels[1]).Ratio.Verdict != NoFinding {
					wrong++
					break
				}
			}
		}
		expected := runs * (1 - level)
		assert.LessOrEqual(t, float64(wrong), expected+3*math.Sqrt(expected), "level %v: %d of %d", level, wrong, runs)
		t.Logf("level %v: %d of %d comparisons of a with itself find a difference", level, wrong, runs)
	}
	assert.GreaterOrEqual(t, math.Pow(DefaultLevel, 20), 0.98)
}

// A report of the most channels still has intervals with the prompts that are asked by default.
func TestDefaultsAreEnough(t *testing.T) {
	prompts, err := BuiltIn(DefaultPerKind)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(prompts), fewest(errorOfEach(DefaultLevel, MaxChannels)))
}

func TestFivePerCentSlowerIsFound(t *testing.T) {
	slow := map[string]float64{"b": 1.05}
	found := 0
	for seed := range uint64(20) {
		if findsSlower(simulate(t, seed, slow, "a", "b")) {
			found++
		}
		assert.True(t, findsSlower(simulateAt(t, seed, DefaultLevel, 8, slow, "a", "b")), "in 8 rounds, seed %d", seed)
	}
	assert.GreaterOrEqual(t, found, 19, "in the rounds that are asked by default")
}

func findsSlower(r *Report) bool {
	for _, m := range measures {
		if m.into(&r.Channels[1]).Ratio.Verdict != Slower {
			return false
		}
	}
	return true
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
