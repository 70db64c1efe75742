package draftmodel

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// take adds the next token of a proposal, unless that is not worth it, and says when it is complete.
func (p *proposing) take(logits []float32) {
	best, chance := likeliest(logits)
	if p.chance *= chance; p.chance < p.ask.Floor {
		p.done = true
		return
	}
	token := best
	if p.ask.Sample {
		q := distribution(logits, p.ask.Temperature)
		token = draw(q, rand.New(rand.NewPCG(p.ask.Seed, uint64(len(p.proposal.Tokens)))))
		p.proposal.Drawn = append(p.proposal.Drawn, q)
	}
	p.proposal.Tokens = append(p.proposal.Tokens, token)
	p.proposal.Confidence = append(p.proposal.Confidence, chance)
	ends := slices.Contains(p.session.of.target.EndTokens, token)
	p.done = ends || len(p.proposal.Tokens) == p.ask.N
}

// likeliest is the token with the greatest logit, and its probability.
func likeliest(logits []float32) (best drafter.Token, chance float32) {
	for i, x := range logits {
		if x > logits[best] {
			best = drafter.Token(i)
		}
	}
	top, sum := float64(logits[best]), 0.0
	for _, x := range logits {
		if d := float64(x) - top; d > -20 { // the others do not matter
			sum += math.Exp(d)
		}
	}
	return best, float32(1 / sum)
}

// distribution are the likeliest tokens at a temperature.
func distribution(logits []float32, temperature float32) drafter.Distribution {
	type candidate struct {
		token drafter.Token
		logit float32
	}
	kept := make([]candidate, 0, drafter.MaxSupport+1)
	for i, x := range logits {
		if len(kept) == drafter.MaxSupport && x <= kept[len(kept)-1].logit {
			continue
		}
		at, _ := slices.BinarySearchFunc(kept, x, func(c candidate, x float32) int {
			if c.logit >= x {
				return -1
			}
			return 1
		})
		kept = slices.Insert(kept, at, candidate{drafter.Token(i), x})
		kept = kept[:min(len(kept), drafter.MaxSupport)]
	}
	var q drafter.Distribution
	var sum float64
	weights := make([]float64, len(kept))
	for i, c := range kept {
		weights[i] = math.Exp(float64(c.logit-kept[0].logit) / float64(temperature))
		sum += weights[i]
	}
	for i, c := range kept {
		if x := float32(weights[i] / sum); x > 0 {
			q.Tokens, q.Probabilities = append(q.Tokens, c.token), append(q.Probabilities, x)
		}
	}
	return q
}

// draw draws a token.
func draw(q drafter.Distribution, source *rand.Rand) drafter.Token {
	x := source.Float32()
	for i, p := range q.Probabilities {
		if x -= p; x < 0 {
			return q.Tokens[i]
		}
	}
	return q.Tokens[0]
}
