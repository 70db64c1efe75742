package sampling

import "github.com/kakeyad/kakeyad/core/plugin/backend"

// draw is steps 4 to 8.
func (s *Sampler) draw(logits []float32) (backend.Token, error) {
	set := &s.settings
	if set.topK == 0 && set.typicalP == 1 && set.topP == 1 && set.minP == 0 {
		return s.drawFromAll(logits)
	}
	c, mass, err := s.weighed(logits)
	if err != nil {
		return 0, err
	}
	return s.pick(c, mass), nil
}

// weighed returns the candidates that steps 4 to 7 leave, with the weights of step 8 and their sum.
func (s *Sampler) weighed(logits []float32) (c []candidate, mass float64, err error) {
	if c, err = s.filtered(logits); err != nil {
		return nil, 0, err
	}
	top, scale := topOf(c), 1/s.settings.temperature
	for i := range c {
		c[i].weight = exp(float64((float64(c[i].logit) - float64(top)) * scale))
		mass += c[i].weight
	}
	return c, mass, nil
}

// pick draws one of the candidates, whose weights sum to mass.
func (s *Sampler) pick(c []candidate, mass float64) backend.Token {
	left := float64(s.random.Float64() * mass)
	last := 0
	for i := range c {
		if c[i].weight == 0 {
			continue
		}
		last = i
		if left -= c[i].weight; left < 0 {
			break
		}
	}
	return c[last].token
}

// blockSize is how many logits drawFromAll sums up before it notes the sum.
const blockSize = 1024

// drawFromAll draws without filters. It finds the block that the draw falls into by the blocks'
// sums, and computes only that block's exponentials again.
func (s *Sampler) drawFromAll(logits []float32) (backend.Token, error) {
	top, err := topLogit(logits)
	if err != nil {
		return 0, err
	}
	scale := 1 / s.settings.temperature
	s.blocks = s.blocks[:0]
	var mass float64
	for at := 0; at < len(logits); at += blockSize {
		sum := sumExp(logits[at:min(at+blockSize, len(logits))], top, scale)
		s.blocks = append(s.blocks, sum)
		mass += sum
	}

	left := float64(s.random.Float64() * mass)
	block := 0
	for i, sum := range s.blocks {
		if sum == 0 {
			continue
		}
		block = i
		if left < sum {
			break
		}
		left -= sum
	}
	last := 0
	for i := block * blockSize; i < min((block+1)*blockSize, len(logits)); i++ {
		weight := exp(float64((float64(logits[i]) - float64(top)) * scale))
		if weight == 0 {
			continue
		}
		last = i
		if left -= weight; left < 0 {
			break
		}
	}
	return backend.Token(last), nil
}
