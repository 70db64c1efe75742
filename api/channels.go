package api

import (
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// channelSummary is what a list says of a channel.
type channelSummary struct {
	Channel  string   `json:"channel"` // the composition as a channel id
	Aliases  []string `json:"aliases,omitempty"`
	State    string   `json:"state"` // "loaded", "loading", "unloaded" or "missing"
	Warnings []string `json:"warnings,omitempty"`
	AB       *abPart  `json:"ab,omitempty"`
}

// abPart is what is told of a channel that is two. What else is told of it is A's.
type abPart struct {
	A      string  `json:"a"`
	B      string  `json:"b"`
	Split  float64 `json:"split,omitempty"` // share that B answers
	Sticky string  `json:"sticky,omitempty"`
	Shadow bool    `json:"shadow,omitempty"`
}

// channelDetail is all that a channel is made of.
type channelDetail struct {
	channelSummary
	Model        string         `json:"model"`
	File         string         `json:"file"`
	Profile      string         `json:"profile,omitempty"`
	Backend      string         `json:"backend"`
	Codec        *codecDetail   `json:"codec,omitempty"`
	Drafter      string         `json:"drafter,omitempty"`
	Sampling     samplingDetail `json:"sampling"`
	Limits       limitsDetail   `json:"limits"`
	SystemPrompt string         `json:"system_prompt,omitempty"`
	Pinned       bool           `json:"pinned"`
	IdleSeconds  float64        `json:"idle_seconds,omitempty"` // until it is unloaded; 0: never
	Loaded       *loadedDetail  `json:"loaded,omitempty"`
}

type codecDetail struct {
	Name     string            `json:"name"`
	Q        int               `json:"q"`
	Boundary int               `json:"boundary"`
	Params   map[string]string `json:"params,omitempty"`
}

type samplingDetail struct {
	Temperature      float32 `json:"temperature"`
	TopK             int     `json:"top_k"`
	TopP             float32 `json:"top_p"`
	MinP             float32 `json:"min_p"`
	TypicalP         float32 `json:"typical_p"`
	RepeatPenalty    float32 `json:"repeat_penalty"`
	FrequencyPenalty float32 `json:"frequency_penalty"`
	PresencePenalty  float32 `json:"presence_penalty"`
	PenaltyLastN     int     `json:"repeat_last_n"`
}

type limitsDetail struct {
	MaxTokens       int     `json:"max_tokens,omitempty"`
	MaxPromptTokens int     `json:"max_prompt_tokens,omitempty"`
	TimeoutSeconds  float64 `json:"timeout_seconds,omitempty"`
	Requests        int     `json:"requests,omitempty"`
}

// loadedDetail is what is known of a channel's model once it is loaded.
type loadedDetail struct {
	Architecture    string `json:"architecture"`
	Name            string `json:"name,omitempty"`
	Quantization    string `json:"quantization,omitempty"`
	Parameters      int64  `json:"parameters"`
	Layers          int    `json:"layers"`
	Embedding       int    `json:"embedding"`
	Heads           int    `json:"heads"`
	KVHeads         int    `json:"kv_heads"`
	HeadDim         int    `json:"head_dim"`
	Vocabulary      int    `json:"vocabulary"`
	TrainContext    int    `json:"train_context"`
	Context         int    `json:"context"`
	Parallel        int    `json:"parallel"`
	CacheTokens     int    `json:"cache_tokens"`
	KVTypeK         string `json:"kv_type_k"`
	KVTypeV         string `json:"kv_type_v"`
	ChatTemplate    bool   `json:"chat_template"` // the file brings one
	WeightBytes     int64  `json:"weight_bytes"`
	KVBytes         int64  `json:"kv_bytes"`
	ComputeBytes    int64  `json:"compute_bytes"`
	KVBytesPerToken int64  `json:"kv_bytes_per_token"`
}

// channels is GET /v1/kakeya/channels.
func (s *Server) channels(x *exchange) error {
	all := s.router.Set().All()
	out := make([]namedDetail, len(all))
	for i, c := range all {
		out[i] = namedDetail{Name: c.Name, channelDetail: s.detail(c)}
	}
	return encode(x, struct {
		Channels []namedDetail `json:"channels"`
	}{out})
}

type namedDetail struct {
	Name string `json:"name"`
	channelDetail
}

func (s *Server) summary(c *channel.Channel) channelSummary {
	out := channelSummary{Channel: c.ID.String(), Aliases: c.Aliases, State: s.state(c), Warnings: c.Warnings}
	if ab := c.AB; ab != nil {
		out.AB = &abPart{ab.A.Name, ab.B.Name, ab.Split, string(ab.Sticky), ab.Shadow}
	}
	return out
}

func (s *Server) state(c *channel.Channel) string {
	if _, ok := s.router.Loaded(c.LoadKey()); ok {
		return "loaded"
	}
	if _, ok := s.router.State(c.LoadKey()); ok {
		return "loading"
	}
	if c.Model.Missing {
		return "missing"
	}
	return "unloaded"
}

func (s *Server) detail(c *channel.Channel) channelDetail {
	p := c.Sampling
	d := channelDetail{
		channelSummary: s.summary(c),
		Model:          c.Model.Short, File: c.Model.Path, Backend: c.Backend,
		Sampling: samplingDetail{
			Temperature: p.Temperature, TopK: p.TopK, TopP: p.TopP, MinP: p.MinP, TypicalP: p.TypicalP,
			RepeatPenalty: p.RepeatPenalty, FrequencyPenalty: p.FrequencyPenalty,
			PresencePenalty: p.PresencePenalty, PenaltyLastN: p.PenaltyLastN,
		},
		Limits: limitsDetail{
			MaxTokens: c.Limits.MaxTokens, MaxPromptTokens: c.Limits.MaxPromptTokens,
			TimeoutSeconds: c.Limits.Timeout.Seconds(), Requests: c.Limits.Queue,
		},
		SystemPrompt: c.SystemPrompt, Pinned: c.Pin, IdleSeconds: max(c.TTL, time.Duration(0)).Seconds(),
	}
	if c.Profile != nil {
		d.Profile = c.Profile.Name
	}
	if c.Codec != nil {
		d.Codec = &codecDetail{Name: c.Codec.Name, Q: c.Codec.Q, Boundary: c.Codec.Boundary, Params: c.Codec.Params}
	}
	if c.Drafter != nil {
		d.Drafter = c.Drafter.Name
	}
	if info, ok := s.router.Loaded(c.LoadKey()); ok {
		d.Loaded = loaded(info)
	}
	return d
}

func loaded(m backend.ModelInfo) *loadedDetail {
	return &loadedDetail{
		Architecture: m.Architecture, Name: m.Name, Quantization: m.Quantization, Parameters: m.Parameters,
		Layers: m.Layers, Embedding: m.Embedding, Heads: m.Heads, KVHeads: m.KVHeads, HeadDim: m.HeadDim,
		Vocabulary: m.Vocabulary, TrainContext: m.TrainContext, Context: m.Options.Context,
		Parallel: m.Options.Parallel, CacheTokens: m.Options.CacheTokens,
		KVTypeK: m.Options.KVTypeK, KVTypeV: m.Options.KVTypeV, ChatTemplate: m.ChatTemplate != "",
		WeightBytes: m.Memory.Weights, KVBytes: m.Memory.KV, ComputeBytes: m.Memory.Compute,
		KVBytesPerToken: m.Memory.KVBytesPerToken,
	}
}
