package drafter

import (
	"math"
	"path/filepath"
)

// Validate refuses facts that no model has, naming the field.
func (t Target) Validate() error {
	for _, n := range []struct {
		name            string
		value, min, max int
	}{
		{"vocabulary", t.Vocabulary, 1, MaxVocab},
		{"layers", t.Layers, 1, MaxLayers},
		{"width", t.Width, 1, MaxWidth},
		{"context", t.Context, 2, MaxContext},
		{"sessions", t.Sessions, 1, MaxSessions},
	} {
		if n.value < n.min || n.value > n.max {
			return invalid(n.name, "%d is not between %d and %d", n.value, n.min, n.max)
		}
	}
	if t.Path != "" && !filepath.IsAbs(t.Path) {
		return invalid("path", "%q is not absolute", t.Path)
	}
	return t.CheckTokens("end_tokens", t.EndTokens)
}

// CheckTokens refuses tokens that the vocabulary does not have.
func (t Target) CheckTokens(field string, tokens []Token) error {
	for i, token := range tokens {
		if token < 0 || int(token) >= t.Vocabulary {
			return invalid(field, "[%d] is %d in a vocabulary of %d", i, token, t.Vocabulary)
		}
	}
	return nil
}

// Check refuses a description that a drafter cannot mean of a target.
func (d Description) Check(t Target) error {
	switch {
	case d.MaxDraft < 1 || d.MaxDraft > MaxProposal:
		return lied("the drafter proposes at most %d tokens, not between 1 and %d", d.MaxDraft, MaxProposal)
	case len(d.Taps) > MaxTaps:
		return lied("the drafter taps %d layers, more than %d", len(d.Taps), MaxTaps)
	case d.Memory < 0:
		return lied("the drafter holds %d bytes", d.Memory)
	}
	for i, layer := range d.Taps {
		if layer < 0 || layer >= t.Layers || i > 0 && layer <= d.Taps[i-1] {
			return lied("the drafter taps the layers %v of %d", d.Taps, t.Layers)
		}
	}
	return nil
}

// Check refuses an ask that the drafter cannot honour.
func (a Ask) Check(d Description) error {
	switch {
	case a.N < 1 || a.N > d.MaxDraft:
		return invalid("n", "%d is not between 1 and %d", a.N, d.MaxDraft)
	case !(a.Floor >= 0 && a.Floor <= 1): // written so that NaN fails
		return invalid("floor", "%v is not between 0 and 1", a.Floor)
	case !(a.Temperature >= 0 && a.Temperature <= math.MaxFloat32) || a.Sample && a.Temperature == 0:
		return invalid("temperature", "%v", a.Temperature)
	}
	return nil
}

// sumSlack is how far the probabilities of a distribution may sum up beside 1.
const sumSlack = 1e-3

// Check refuses a proposal that is none for the ask, with base.ErrLied.
func (p Proposal) Check(t Target, d Description, ask Ask) error {
	n := len(p.Tokens)
	switch {
	case n > ask.N:
		return lied("%d tokens are proposed, %d were asked for", n, ask.N)
	case d.Confident && len(p.Confidence) != n, !d.Confident && p.Confidence != nil:
		return lied("%d confidences of %d tokens", len(p.Confidence), n)
	case p.Drawn != nil && (!ask.Sample || !d.Samples):
		return lied("a deterministic proposal was asked for")
	case p.Drawn != nil && len(p.Drawn) != n:
		return lied("%d distributions of %d tokens", len(p.Drawn), n)
	}
	if err := t.CheckTokens("proposal", p.Tokens); err != nil {
		return lied("%v", err)
	}
	for i, c := range p.Confidence {
		if !(c >= 0 && c <= 1) {
			return lied("the confidence of token %d is %v", i, c)
		}
	}
	for i := range p.Drawn {
		if err := p.Drawn[i].check(t, p.Tokens[i]); err != nil {
			return err
		}
	}
	return nil
}

// check wants a distribution that a token can have been drawn from.
func (q Distribution) check(t Target, drawn Token) error {
	if len(q.Tokens) != len(q.Probabilities) || len(q.Tokens) > MaxSupport {
		return lied("a distribution of %d tokens and %d probabilities", len(q.Tokens), len(q.Probabilities))
	}
	if err := t.CheckTokens("distribution", q.Tokens); err != nil {
		return lied("%v", err)
	}
	sum, of := 0.0, float32(0)
	for i, x := range q.Probabilities {
		if !(x >= 0 && x <= 1) {
			return lied("a probability of %v", x)
		}
		for _, other := range q.Tokens[:i] {
			if other == q.Tokens[i] {
				return lied("a distribution has the token %d twice", other)
			}
		}
		if q.Tokens[i] == drawn {
			of = x
		}
		sum += float64(x)
	}
	if math.Abs(sum-1) > sumSlack {
		return lied("the probabilities of a distribution sum to %v", sum)
	}
	if of == 0 {
		return lied("the token %d was drawn from a distribution that does not have it", drawn)
	}
	return nil
}

func (f Features) none() bool { return f.Rows == 0 && len(f.Data) == 0 }
