package sampling

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// bitMask is a Mask that counts its questions.
type bitMask struct {
	words []uint64
	all   int // calls of Mask
}

func (m *bitMask) Allowed(t backend.Token) bool {
	return int(t/64) < len(m.words) && m.words[t/64]>>(t%64)&1 != 0
}
func (m *bitMask) Mask() []uint64 { m.all++; return m.words }

func randomMask(r *rand.Rand, n int) *bitMask {
	m := &bitMask{words: make([]uint64, (n+63)/64)}
	for i := range m.words {
		m.words[i] = []uint64{0, ^uint64(0), r.Uint64(), r.Uint64() & r.Uint64() & r.Uint64()}[r.IntN(4)]
	}
	return m
}

func randomSampling(r *rand.Rand, vocabulary int) backend.Sampling {
	maybe := func(v float32) float32 {
		if r.IntN(2) == 0 {
			return 0
		}
		return v
	}
	p := backend.Sampling{
		Temperature:      maybe(0.1 + 2*r.Float32()),
		TopK:             int(maybe(float32(1 + r.IntN(vocabulary+3)))),
		TopP:             maybe(r.Float32()),
		MinP:             maybe(r.Float32() * r.Float32()),
		TypicalP:         maybe(r.Float32()),
		RepeatPenalty:    maybe(0.5 + r.Float32()),
		FrequencyPenalty: maybe(r.Float32() - 0.5),
		PresencePenalty:  maybe(r.Float32() - 0.5),
		PenaltyLastN:     r.IntN(12) - 1,
		Seed:             1 + r.Uint64(),
	}
	if r.IntN(2) == 0 {
		p.LogitBias = map[backend.Token]float32{}
		for range r.IntN(5) {
			p.LogitBias[backend.Token(r.IntN(vocabulary))] = []float32{-2, 1.5, negInf}[r.IntN(3)]
		}
	}
	return p
}

// TestAgainstReference compares which tokens are left, and how likely each is, for random
// settings, logits, histories and masks.
func TestAgainstReference(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	compared := 0
	for round := range 4000 {
		n := 1 + r.IntN(400)
		p := randomSampling(r, n)
		logits := make([]float32, n)
		for i := range logits {
			logits[i] = float32(r.NormFloat64() * 3)
			switch r.IntN(20) {
			case 0:
				logits[i] = negInf
			case 1:
				logits[i] = logits[r.IntN(i+1)] // a tie
			}
		}
		seen := make([]backend.Token, r.IntN(20))
		for i := range seen {
			seen[i] = backend.Token(r.IntN(n))
		}
		var mask Mask
		var bits *bitMask
		if r.IntN(2) == 0 {
			bits = randomMask(r, n)
			mask = bits
		}
		var banned []backend.Token
		for range r.IntN(3) {
			banned = append(banned, backend.Token(r.IntN(n)))
		}
		allowed := func(t backend.Token) bool {
			for _, b := range banned {
				if b == t {
					return false
				}
			}
			return bits == nil || bits.Allowed(t)
		}
		want, close := reference(p, logits, seen, allowed)

		s, err := New(p, n)
		require.NoError(t, err)
		half := len(seen) / 2
		s.Prime(seen[:half])
		for _, tok := range seen[half:] {
			s.Accept(tok)
		}
		before := append([]float32(nil), logits...)
		token, err := s.Sample(logits, mask, banned...)
		require.Equal(t, before, logits, "logits were written to")
		if len(want) == 0 {
			require.ErrorIs(t, err, ErrNoToken)
			continue
		}
		require.NoError(t, err)
		if close {
			continue
		}
		compared++
		require.Contains(t, want, token, "round %d: %+v", round, p)
		if p.Temperature == 0 {
			continue
		}
		view := s.adjust(logits, mask, banned)
		if s.settings.topK == 0 && s.settings.typicalP == 1 && s.settings.topP == 1 && s.settings.minP == 0 {
			continue // all tokens are left
		}
		got, err := s.filtered(view)
		require.NoError(t, err)
		left := map[backend.Token]bool{}
		for _, c := range got {
			left[c.token] = true
		}
		require.Len(t, left, len(want), "round %d: %+v", round, p)
		for token := range want {
			require.True(t, left[token], "round %d: %+v: token %d is missing", round, p, token)
		}
	}
	require.Greater(t, compared, 2500)
}

// TestDistribution draws often and compares with the exact probabilities by chi-squared.
func TestDistribution(t *testing.T) {
	const vocabulary, draws = 40, 40_000
	logits := randomLogits(vocabulary, 3)
	mask := &bitMask{words: []uint64{0xAAAAAAAAAA}}
	for name, test := range map[string]struct {
		p    backend.Sampling
		mask *bitMask
	}{
		"all":         {backend.Sampling{Temperature: 1}, nil},
		"hot":         {backend.Sampling{Temperature: 2.5}, nil},
		"default":     {backend.DefaultSampling(), nil},
		"top_p":       {backend.Sampling{Temperature: 1.5, TopP: 0.9}, nil},
		"min_p":       {backend.Sampling{Temperature: 1.5, MinP: 0.02}, nil},
		"typical_p":   {backend.Sampling{Temperature: 1.2, TypicalP: 0.8}, nil},
		"masked":      {backend.Sampling{Temperature: 1.5}, mask},
		"masked more": {backend.Sampling{Temperature: 1.5, TopK: 8, TopP: 0.95}, mask},
	} {
		t.Run(name, func(t *testing.T) {
			test.p.Seed = 42
			s, err := New(test.p, vocabulary)
			require.NoError(t, err)
			var m Mask
			allowed := func(backend.Token) bool { return true }
			if test.mask != nil {
				m, allowed = test.mask, test.mask.Allowed
			}
			want, _ := reference(test.p, logits, nil, allowed)
			counts := map[backend.Token]int{}
			for range draws {
				tok, err := s.Sample(logits, m)
				require.NoError(t, err)
				counts[tok]++
			}
			var chi, rest, restWant float64
			bins := -1
			for tok, p := range want {
				if p*draws < 10 {
					rest, restWant = rest+float64(counts[tok]), restWant+p*draws
				} else {
					d := float64(counts[tok]) - p*draws
					chi += d * d / (p * draws)
					bins++
				}
				delete(counts, tok)
			}
			if restWant > 5 {
				chi += (rest - restWant) * (rest - restWant) / restWant
				bins++
			}
			require.Empty(t, counts, "impossible tokens were drawn")
			// Mean and deviation of chi-squared are bins and sqrt(2*bins).
			require.Less(t, chi, float64(bins)+5*math.Sqrt(2*float64(max(bins, 1))))
		})
	}
}

func TestSeeds(t *testing.T) {
	logits := randomLogits(5000, 9)
	run := func(seed uint64) (tokens []backend.Token, told uint64) {
		p := backend.DefaultSampling()
		p.Seed, p.RepeatPenalty, p.Temperature = seed, 1.1, 1.5
		s, err := New(p, len(logits))
		require.NoError(t, err)
		for range 12 {
			tok, err := s.Sample(logits, nil)
			require.NoError(t, err)
			s.Accept(tok)
			tokens = append(tokens, tok)
		}
		return tokens, s.Seed()
	}
	first, told := run(7)
	require.EqualValues(t, 7, told)
	again, _ := run(7)
	require.Equal(t, first, again)
	other, _ := run(8)
	require.NotEqual(t, first, other)

	drawn, seed := run(0)
	require.NotZero(t, seed)
	require.Less(t, seed, uint64(1)<<53)
	repeated, _ := run(seed)
	require.Equal(t, drawn, repeated)
}

func TestGreedyAsksTheMaskOnlyWhenRefused(t *testing.T) {
	s, err := New(backend.Sampling{}, 3)
	require.NoError(t, err)
	mask := &bitMask{words: []uint64{0b110}}
	tok, err := s.Sample([]float32{1, 2, 3}, mask)
	require.NoError(t, err)
	require.EqualValues(t, 2, tok)
	require.Zero(t, mask.all)
	tok, err = s.Sample([]float32{3, 2, 1}, mask)
	require.NoError(t, err)
	require.EqualValues(t, 1, tok)
	require.Equal(t, 1, mask.all)
}

func TestBrokenLogits(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	negNaN := math.Float32frombits(0xFFC00000)
	for name, p := range map[string]backend.Sampling{
		"greedy": {}, "all": {Temperature: 1}, "top_k": {Temperature: 1, TopK: 3}, "top_p": {Temperature: 1, TopP: 0.5}, "min_p": {Temperature: 1, MinP: 0.5},
	} {
		s, err := New(p, 20)
		require.NoError(t, err)
		for _, bad := range []float32{nan, negNaN, inf} {
			for _, at := range []int{0, 3, 8, 19} {
				logits := randomLogits(20, 1)
				logits[at] = bad
				_, err := s.Sample(logits, nil)
				require.ErrorIs(t, err, ErrLogits, "%s, %v at %d", name, bad, at)
				require.ErrorIs(t, err, base.ErrCorrupt)
				_, err = Logprobs(logits, 0, 2)
				require.ErrorIs(t, err, ErrLogits)
			}
		}
		impossible := make([]float32, 20)
		for i := range impossible {
			impossible[i] = negInf
		}
		_, err = s.Sample(impossible, nil)
		require.ErrorIs(t, err, ErrNoToken, name)
		_, err = s.Sample(randomLogits(20, 1), &bitMask{})
		require.ErrorIs(t, err, ErrNoToken, name)
		_, err = s.Sample(randomLogits(21, 1), nil)
		require.ErrorIs(t, err, base.ErrInvalid)
	}
}

func TestValidation(t *testing.T) {
	nan := float32(math.NaN())
	for _, test := range []struct {
		want string
		p    backend.Sampling
	}{
		{"Temperature is -1, must be finite and at least 0", backend.Sampling{Temperature: -1}},
		{"Temperature", backend.Sampling{Temperature: nan}},
		{"TopP is 1.5, must be from 0 to 1", backend.Sampling{TopP: 1.5}},
		{"MinP", backend.Sampling{MinP: -0.1}},
		{"TypicalP", backend.Sampling{TypicalP: 2}},
		{"TopK is -1, must be at least 0", backend.Sampling{TopK: -1}},
		{"RepeatPenalty", backend.Sampling{RepeatPenalty: -1}},
		{"FrequencyPenalty is NaN, must be finite", backend.Sampling{FrequencyPenalty: nan}},
		{"PresencePenalty", backend.Sampling{PresencePenalty: float32(math.Inf(1))}},
		{"PenaltyLastN is -2, must be at least -1", backend.Sampling{PenaltyLastN: -2}},
		{"LogitBias names token 10 of a vocabulary of 10", backend.Sampling{LogitBias: map[backend.Token]float32{10: 1}}},
		{"LogitBias of token 1 is NaN", backend.Sampling{LogitBias: map[backend.Token]float32{1: nan}}},
	} {
		_, err := New(test.p, 10)
		require.ErrorIs(t, err, base.ErrInvalid)
		require.ErrorContains(t, err, test.want)
	}
	_, err := New(backend.DefaultSampling(), 0)
	require.ErrorIs(t, err, base.ErrInvalid)
}

func BenchmarkSample(b *testing.B) {
	greedy := backend.Sampling{}
	penalised := backend.Sampling{RepeatPenalty: 1.1}
	for _, n := range []int{49_152, 262_144} {
		logits := randomLogits(n, 1)
		for _, bench := range []struct {
			name string
			p    backend.Sampling
		}{
			{"greedy", greedy},
			{"greedy,penalty", penalised},
			{"default", backend.DefaultSampling()},
			{"top_k=1000", backend.Sampling{Temperature: 1, TopK: 1000}},
			{"top_p", backend.Sampling{Temperature: 1, TopP: 0.95}},
			{"min_p", backend.Sampling{Temperature: 1, MinP: 0.05}},
			{"typical_p", backend.Sampling{Temperature: 1, TypicalP: 0.95}},
			{"all", backend.Sampling{Temperature: 1}},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, bench.name), func(b *testing.B) {
				s, err := New(bench.p, n)
				require.NoError(b, err)
				s.Prime([]backend.Token{1, 2, 3, 100, 1000, 3})
				for b.Loop() {
					_, _ = s.Sample(logits, nil)
				}
			})
		}
	}
}
