package config

import (
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// backend is the sampling in the contract's words.
func (s Sampling) backend() backend.Sampling {
	out := backend.Sampling{
		Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP, MinP: s.MinP, TypicalP: s.TypicalP,
		RepeatPenalty: s.RepeatPenalty, FrequencyPenalty: s.FrequencyPenalty, PresencePenalty: s.PresencePenalty,
		PenaltyLastN: s.PenaltyLastN, Seed: s.Seed, IgnoreEOS: s.IgnoreEOS,
	}
	for text, bias := range s.LogitBias {
		if id, err := strconv.ParseInt(text, 10, 32); err == nil { // the schema lets nothing else through
			if out.LogitBias == nil {
				out.LogitBias = map[backend.Token]float32{}
			}
			out.LogitBias[backend.Token(id)] = bias
		}
	}
	return out
}
