package router

import (
	"maps"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Params are what chats and completions have in common. What is nil or zero is the channel's.
type Params struct {
	RequestID string

	Temperature      *float32
	TopK             *int
	TopP             *float32
	MinP             *float32
	TypicalP         *float32
	RepeatPenalty    *float32
	FrequencyPenalty *float32
	PresencePenalty  *float32
	PenaltyLastN     *int
	Seed             *uint64
	LogitBias        map[backend.Token]float32
	IgnoreEOS        *bool

	N           int // answers; 0: 1
	MaxTokens   *int
	Stop        []string
	Logprobs    bool
	TopLogprobs int
	Constraint  backend.Constraint
	NoCache     bool
}

// request lays the request's params over the channel's.
func (c *Call) request(p Params) backend.GenerateRequest {
	return backend.GenerateRequest{
		RequestID:   p.RequestID,
		Sampling:    p.over(c.channel.Sampling),
		Stop:        p.Stop,
		MaxTokens:   p.maxTokens(c.channel.Limits.MaxTokens),
		Logprobs:    p.Logprobs,
		TopLogprobs: p.TopLogprobs,
		Constraint:  p.Constraint,
		NoCache:     p.NoCache,
	}
}

// maxTokens is what the request asks for, within the channel's limit.
func (p *Params) maxTokens(limit int) int {
	switch {
	case p.MaxTokens == nil:
		return limit
	case limit > 0:
		return min(*p.MaxTokens, limit)
	}
	return *p.MaxTokens
}

// over returns the sampling s with what the request says in its place.
func (p *Params) over(s backend.Sampling) backend.Sampling {
	set(&s.Temperature, p.Temperature)
	set(&s.TopK, p.TopK)
	set(&s.TopP, p.TopP)
	set(&s.MinP, p.MinP)
	set(&s.TypicalP, p.TypicalP)
	set(&s.RepeatPenalty, p.RepeatPenalty)
	set(&s.FrequencyPenalty, p.FrequencyPenalty)
	set(&s.PresencePenalty, p.PresencePenalty)
	set(&s.PenaltyLastN, p.PenaltyLastN)
	set(&s.Seed, p.Seed)
	set(&s.IgnoreEOS, p.IgnoreEOS)
	if len(p.LogitBias) > 0 {
		merged := maps.Clone(s.LogitBias)
		if merged == nil {
			merged = make(map[backend.Token]float32, len(p.LogitBias))
		}
		maps.Copy(merged, p.LogitBias)
		s.LogitBias = merged
	}
	return s
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
