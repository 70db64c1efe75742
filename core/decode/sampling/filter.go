package sampling

import "math"

// slack is how far below the least logit that a filter can leave candidates are still collected,
// so that rounding in the estimate costs nothing but a few candidates more.
const slack = 0.01

// filtered returns what steps 4 to 7 leave of logits that need at least one of them.
func (s *Sampler) filtered(logits []float32) ([]candidate, error) {
	set := &s.settings
	c, mass, err := s.collect(logits)
	if err != nil {
		return nil, err
	}
	if set.typicalP < 1 {
		c = typical(c, mass, set.typicalP)
		mass = massOf(c)
	}
	if set.topP < 1 {
		c = c[:until(c, set.topP*mass)]
	}
	if set.minP > 0 {
		c = likely(c, set.minP)
	}
	return c, nil
}

// collect returns, in no order and with their weights, at least those candidates that the
// filters after top_k can leave, and the sum of the weights of all that top_k leaves; with min_p
// alone, which needs none, that sum is 0.
func (s *Sampler) collect(logits []float32) (_ []candidate, mass float64, _ error) {
	set := &s.settings
	if set.topK > 0 {
		if need := bufferFor(set.topK, len(logits)); cap(s.found) < need {
			s.found = make([]candidate, 0, need)
		}
		c, ok := topK(s.found, logits, set.topK)
		if !ok {
			return nil, 0, ErrLogits
		}
		if len(c) == 0 {
			return nil, 0, ErrNoToken
		}
		top := topOf(c)
		for i := range c {
			c[i].weigh(top)
		}
		return c, massOf(c), nil
	}

	top, err := topLogit(logits)
	if err != nil {
		return nil, 0, err
	}
	least := math.Inf(-1) // logit below top
	switch {
	case set.typicalP < 1:
	case set.topP < 1:
		mass = sumExp(logits, top, 1)
		// All tokens below this probability together have less than 1-top_p.
		least = math.Log((1-set.topP)*mass/float64(len(logits))) - slack
		fallthrough
	default:
		if set.minP > 0 {
			least = max(least, math.Log(set.minP)-slack)
		}
	}
	s.found = atLeast(s.found[:0], logits, float32(float64(top)+least), top)
	if set.typicalP < 1 {
		mass = massOf(s.found)
	}
	return s.found, mass, nil
}

// typical is step 5. mass is the sum of the weights.
func typical(c []candidate, mass, p float64) []candidate {
	// A token's surprise is ln(mass) - ln(weight), so the mass cancels in the distance from the
	// expected one.
	var expected float64
	for i := range c {
		c[i].rank = -math.Inf(1)
		if c[i].weight > 0 {
			c[i].rank = float64(c[i].logit)
			expected += float64(c[i].weight / mass * c[i].rank)
		}
	}
	for i := range c {
		c[i].rank = -math.Abs(c[i].rank - expected)
	}
	c = c[:until(c, p*mass)]
	for i := range c {
		c[i].rank = float64(c[i].logit)
	}
	return c
}

// likely is step 7.
func likely(c []candidate, p float64) []candidate {
	var most float64
	for i := range c {
		most = max(most, c[i].weight)
	}
	kept := c[:0]
	for i := range c {
		if c[i].weight >= p*most {
			kept = append(kept, c[i])
		}
	}
	return kept
}

func massOf(c []candidate) (mass float64) {
	for i := range c {
		mass += c[i].weight
	}
	return mass
}

func topOf(c []candidate) float32 {
	top := negInf
	for i := range c {
		top = max(top, c[i].logit)
	}
	return top
}

// topLogit returns the greatest logit, which is finite.
func topLogit(logits []float32) (float32, error) {
	_, top, ok := argmax(logits)
	if !ok {
		return 0, ErrLogits
	}
	if top == negInf {
		return 0, ErrNoToken
	}
	return top, nil
}
