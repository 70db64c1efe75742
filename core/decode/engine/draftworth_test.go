package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/decode/engine/enginetest"
	"github.com/kakeyad/kakeyad/core/decode/speculate"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// measured is what steps of SmolLM2-135M cost on two cores, see docs/drafters.md.
func measured() *speculate.Curve {
	c := &speculate.Curve{}
	for n, ms := range map[int]float64{
		1: 9.1, 2: 10.7, 3: 11.8, 5: 16.6, 6: 17.3, 8: 18.5, 10: 24.2, 12: 24.6, 16: 31.3, 24: 44.5, 32: 62.5, 48: 91.9, 64: 119.7,
	} {
		c.Measured(n, time.Duration(ms*float64(time.Millisecond)))
	}
	return c
}

// right is a drafter whose tokens are right with a chance, as far as what comes before them is.
func right(chance func([]backend.Token) float32) func([]backend.Token) backend.Token {
	return func(history []backend.Token) backend.Token {
		if dice(history, 1) < chance(history) {
			return likeliest(history)
		}
		return 7
	}
}

// dice is a number from 0 to 1 that depends on a text.
func dice(text []backend.Token, salt uint64) float32 {
	seed := uint64(1)
	for _, t := range text {
		seed = seed*31 + uint64(t)
	}
	return rand.New(rand.NewPCG(seed, salt)).Float32()
}

// TestDraftingPays has steps and rounds that take, by synctest's clock, what they do on two cores, and
// drafters that are right so often: what is gained with good ones, and hardly anything lost with bad.
func TestDraftingPays(t *testing.T) {
	always := func(chance float32) func([]backend.Token) float32 {
		return func([]backend.Token) float32 { return chance }
	}
	mixed := func(history []backend.Token) float32 {
		if dice(history, 2) < 0.5 {
			return 0.97
		}
		return 0.45
	}
	late := func(history []backend.Token) float32 {
		if len(history) < 40 {
			return 0.1
		}
		return 0.9
	}
	const round = 4 * time.Millisecond
	for name, c := range map[string]struct {
		chance    func(history []backend.Token) float32
		confident bool
		round     time.Duration
		streams   int     // requests at once; 0: 1
		least     float64 // of the speed without
	}{
		"always right":                      {chance: always(1), round: round, least: 2.9},
		"nearly always":                     {chance: always(0.9), round: round, least: 2.05},
		"mostly":                            {chance: always(0.8), round: round, least: 1.45},
		"more often than not":               {chance: always(0.6), round: round, least: 1.02},
		"half":                              {chance: always(0.5), round: round, least: 0.98},
		"seldom":                            {chance: always(0.3), round: round, least: 0.98},
		"never":                             {chance: always(0), round: round, least: 0.98},
		"mixed":                             {chance: mixed, round: round, least: 1.2},
		"mixed and knows":                   {chance: mixed, round: round, confident: true, least: 1.3},
		"late":                              {chance: late, round: round, least: 1},
		"late and knows":                    {chance: late, round: round, confident: true, least: 1.1},
		"for nothing: always right":         {chance: always(1), least: 3.5},
		"for nothing: mostly":               {chance: always(0.8), least: 1.85},
		"for nothing: half":                 {chance: always(0.5), least: 1.28},
		"for nothing: never":                {chance: always(0), least: 0.99},
		"for nothing, mixed":                {chance: mixed, least: 1.6},
		"for nothing, mixed and knows":      {chance: mixed, confident: true, least: 1.7},
		"eight at once, always right":       {chance: always(1), round: round, streams: 8, least: 0.98},
		"eight at once, half":               {chance: always(0.5), round: round, streams: 8, least: 0.98},
		"eight at once, never":              {chance: always(0), round: round, streams: 8, least: 0.98},
		"eight at once, mixed and knows":    {chance: mixed, round: round, streams: 8, confident: true, least: 0.98},
		"eight at once for nothing: mostly": {chance: always(0.8), streams: 8, least: 0.98},
		"eight at once for nothing: never":  {chance: always(0), streams: 8, least: 0.98},
	} {
		inNoTime(t, name, func(t *testing.T) {
			o := &oracle{most: 7, next: right(c.chance), fail: func(int) error { time.Sleep(c.round); return nil }}
			if c.confident {
				o.sure = c.chance
			}
			ratio := speedUp(t, o, max(c.streams, 1))
			if ratio < c.least {
				t.Errorf("%.3f times the speed without, want %v", ratio, c.least)
			}
		})
	}
}

// speedUp is how many times as fast 40 answers of 128 tokens are with a drafter.
func speedUp(t *testing.T, o *oracle, streams int) float64 {
	curve := measured()
	e, _ := start(t, enginetest.Config{Limits: engine.Limits{Sequences: 8, Cells: 4096, Batch: 64, CopyIsFree: true}, BeforeStep: func(_ context.Context, items []engine.Item) error {
		time.Sleep(time.Duration(curve.Cost(len(items)) * float64(time.Second)))
		return nil
	}}, engine.Options{Drafter: o, Parallel: streams})
	took := func(without bool) time.Duration {
		began := time.Now()
		var all sync.WaitGroup
		for k := range streams {
			all.Go(func() {
				for i := k; i < 40; i += streams {
					answerOf(t, e, backend.GenerateRequest{
						Prompt: text(fmt.Sprint("request ", i)), MaxTokens: 128, NoDraft: without, NoCache: true,
						Sampling: backend.Sampling{IgnoreEOS: true},
					})
				}
			})
		}
		all.Wait()
		return time.Since(began)
	}
	return took(true).Seconds() / took(false).Seconds()
}
