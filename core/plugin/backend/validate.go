package backend

import "math"

// MaxTopLogprobs is the most alternatives of one token that may be asked for.
const MaxTopLogprobs = 20

// Validate refuses what no model can answer, with an ErrInvalid that names the field. A backend
// checks besides what depends on the model: that tokens are in its vocabulary, that the prompt
// has at least one token and fits.
func (r GenerateRequest) Validate() error {
	if err := r.Prompt.validate("prompt"); err != nil {
		return err
	}
	if err := r.Sampling.Validate(); err != nil {
		return err
	}
	if r.MaxTokens < 0 {
		return invalid("max_tokens", "%d is below 0", r.MaxTokens)
	}
	if r.TopLogprobs < 0 || r.TopLogprobs > MaxTopLogprobs {
		return invalid("top_logprobs", "%d is not between 0 and %d", r.TopLogprobs, MaxTopLogprobs)
	}
	for _, s := range r.Stop {
		if s == "" {
			return invalid("stop", "a stop string is empty")
		}
	}
	if r.Constraint.Grammar != "" && r.Constraint.JSONSchema != "" {
		return invalid("constraint", "a grammar and a JSON schema exclude each other")
	}
	return nil
}

// Validate refuses ranges that mean nothing.
func (s Sampling) Validate() error {
	for _, f := range []struct {
		name     string
		value    float32
		min, max float32
	}{
		{"temperature", s.Temperature, 0, math.MaxFloat32},
		{"top_p", s.TopP, 0, 1},
		{"min_p", s.MinP, 0, 1},
		{"typical_p", s.TypicalP, 0, 1},
		{"repeat_penalty", s.RepeatPenalty, 0, math.MaxFloat32},
		{"frequency_penalty", s.FrequencyPenalty, -math.MaxFloat32, math.MaxFloat32},
		{"presence_penalty", s.PresencePenalty, -math.MaxFloat32, math.MaxFloat32},
	} {
		if !(f.value >= f.min && f.value <= f.max) { // written so that NaN fails
			return invalid(f.name, "%v is not between %v and %v", f.value, f.min, f.max)
		}
	}
	if s.TopK < 0 {
		return invalid("top_k", "%d is below 0", s.TopK)
	}
	if s.PenaltyLastN < -1 {
		return invalid("penalty_last_n", "%d is below -1", s.PenaltyLastN)
	}
	for token, bias := range s.LogitBias {
		if math.IsNaN(float64(bias)) {
			return invalid("logit_bias", "the bias of token %d is not a number", token)
		}
	}
	return nil
}

func (p Prompt) validate(field string) error {
	if p.Text != "" && len(p.Tokens) > 0 {
		return invalid(field, "text and tokens exclude each other")
	}
	return nil
}
