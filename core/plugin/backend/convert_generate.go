package backend

import (
	"strings"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend/backendpb"
)

func promptToWire(p Prompt) *backendpb.Prompt {
	return &backendpb.Prompt{Text: p.Text, AddSpecial: p.AddSpecial, ParseSpecial: p.ParseSpecial, Tokens: p.Tokens}
}

func promptFromWire(m *backendpb.Prompt) Prompt {
	return Prompt{
		Text:         m.GetText(),
		AddSpecial:   m.GetAddSpecial(),
		ParseSpecial: m.GetParseSpecial(),
		Tokens:       m.GetTokens(),
	}
}

func generateToWire(r GenerateRequest) *backendpb.GenerateRequest {
	return &backendpb.GenerateRequest{
		Model:       string(r.Model),
		RequestId:   strings.ToValidUTF8(r.RequestID, "\uFFFD"), // clients choose it
		Prompt:      promptToWire(r.Prompt),
		Scope:       r.Scope,
		Sampling:    samplingToWire(r.Sampling),
		Stop:        r.Stop,
		MaxTokens:   int64(r.MaxTokens),
		Logprobs:    r.Logprobs,
		TopLogprobs: int64(r.TopLogprobs),
		Grammar:     r.Constraint.Grammar,
		JsonSchema:  r.Constraint.JSONSchema,
		NoCache:     r.NoCache,
		NoDraft:     r.NoDraft,
		KeepSpecial: r.KeepSpecial,
	}
}

func generateFromWire(m *backendpb.GenerateRequest) GenerateRequest {
	return GenerateRequest{
		Model:       ModelID(m.GetModel()),
		RequestID:   m.GetRequestId(),
		Prompt:      promptFromWire(m.GetPrompt()),
		Scope:       m.GetScope(),
		Sampling:    samplingFromWire(m.GetSampling()),
		Stop:        m.GetStop(),
		MaxTokens:   int(m.GetMaxTokens()),
		Logprobs:    m.GetLogprobs(),
		TopLogprobs: int(m.GetTopLogprobs()),
		Constraint:  Constraint{Grammar: m.GetGrammar(), JSONSchema: m.GetJsonSchema()},
		NoCache:     m.GetNoCache(),
		NoDraft:     m.GetNoDraft(),
		KeepSpecial: m.GetKeepSpecial(),
	}
}

func samplingToWire(s Sampling) *backendpb.Sampling {
	return &backendpb.Sampling{
		Temperature:      s.Temperature,
		TopK:             int64(s.TopK),
		TopP:             s.TopP,
		MinP:             s.MinP,
		TypicalP:         s.TypicalP,
		RepeatPenalty:    s.RepeatPenalty,
		FrequencyPenalty: s.FrequencyPenalty,
		PresencePenalty:  s.PresencePenalty,
		PenaltyLastN:     int64(s.PenaltyLastN),
		Seed:             s.Seed,
		LogitBias:        s.LogitBias,
		IgnoreEos:        s.IgnoreEOS,
	}
}

func samplingFromWire(m *backendpb.Sampling) Sampling {
	return Sampling{
		Temperature:      m.GetTemperature(),
		TopK:             int(m.GetTopK()),
		TopP:             m.GetTopP(),
		MinP:             m.GetMinP(),
		TypicalP:         m.GetTypicalP(),
		RepeatPenalty:    m.GetRepeatPenalty(),
		FrequencyPenalty: m.GetFrequencyPenalty(),
		PresencePenalty:  m.GetPresencePenalty(),
		PenaltyLastN:     int(m.GetPenaltyLastN()),
		Seed:             m.GetSeed(),
		LogitBias:        m.GetLogitBias(),
		IgnoreEOS:        m.GetIgnoreEos(),
	}
}

func eventToWire(e Event) *backendpb.GenerateResponse {
	m := &backendpb.GenerateResponse{Text: e.Text, Tokens: e.Tokens, Logprobs: logprobsToWire(e.Logprobs)}
	if e.Prompt != nil {
		m.Prompt = &backendpb.PromptInfo{Tokens: int64(e.Prompt.Tokens), Cached: int64(e.Prompt.Cached)}
	}
	if e.Final != nil {
		m.Final = finalToWire(e.Final)
	}
	return m
}

func eventFromWire(m *backendpb.GenerateResponse) Event {
	e := Event{Text: m.GetText(), Tokens: m.GetTokens(), Logprobs: logprobsFromWire(m.GetLogprobs())}
	if p := m.GetPrompt(); p != nil {
		e.Prompt = &PromptInfo{Tokens: int(p.GetTokens()), Cached: int(p.GetCached())}
	}
	if f := m.GetFinal(); f != nil {
		e.Final = finalFromWire(f)
	}
	return e
}

func finalToWire(f *Final) *backendpb.Final {
	return &backendpb.Final{
		Reason:       string(f.Reason),
		StopString:   f.StopString,
		Seed:         f.Seed,
		PromptTokens: int64(f.PromptTokens),
		CachedTokens: int64(f.CachedTokens),
		OutputTokens: int64(f.OutputTokens),
		Timings: &backendpb.Timings{
			QueueNs:    int64(f.Timings.Queue),
			PrefillNs:  int64(f.Timings.Prefill),
			GenerateNs: int64(f.Timings.Generate),
		},
		Draft: draftToWire(f.Draft),
	}
}

func finalFromWire(m *backendpb.Final) *Final {
	return &Final{
		Reason:       FinishReason(m.GetReason()),
		StopString:   m.GetStopString(),
		Seed:         m.GetSeed(),
		PromptTokens: int(m.GetPromptTokens()),
		CachedTokens: int(m.GetCachedTokens()),
		OutputTokens: int(m.GetOutputTokens()),
		Timings: Timings{
			Queue:    time.Duration(m.GetTimings().GetQueueNs()),
			Prefill:  time.Duration(m.GetTimings().GetPrefillNs()),
			Generate: time.Duration(m.GetTimings().GetGenerateNs()),
		},
		Draft: draftFromWire(m.GetDraft()),
	}
}

func logprobsToWire(list []TokenLogprob) []*backendpb.TokenLogprob {
	if len(list) == 0 {
		return nil
	}
	out := make([]*backendpb.TokenLogprob, len(list))
	for i, l := range list {
		out[i] = &backendpb.TokenLogprob{Token: l.Token, Bytes: l.Bytes, Logprob: l.Logprob, Top: logprobsToWire(l.Top)}
	}
	return out
}

func logprobsFromWire(list []*backendpb.TokenLogprob) []TokenLogprob {
	if len(list) == 0 {
		return nil
	}
	out := make([]TokenLogprob, len(list))
	for i, m := range list {
		out[i] = TokenLogprob{Token: m.GetToken(), Bytes: m.GetBytes(), Logprob: m.GetLogprob(), Top: logprobsFromWire(m.GetTop())}
	}
	return out
}

func promptsToWire(list []Prompt) []*backendpb.Prompt {
	out := make([]*backendpb.Prompt, len(list))
	for i, p := range list {
		out[i] = promptToWire(p)
	}
	return out
}

func promptsFromWire(list []*backendpb.Prompt) []Prompt {
	out := make([]Prompt, len(list))
	for i, m := range list {
		out[i] = promptFromWire(m)
	}
	return out
}
