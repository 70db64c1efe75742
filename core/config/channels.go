package config

// Model is a model file.
type Model struct {
	// The GGUF file, relative to models_dir.
	File string `json:"file" jsonschema:"required,minLength=1"`
	// Short name of a profile, or none. By default the profile that the short name or the file name
	// speaks of.
	Profile string `json:"profile,omitempty"`
}

// Defaults are what every channel starts from.
type Defaults struct {
	// Backend of channels that name none. By default the first one that the model's profile names,
	// else llamacpp.
	Backend string `json:"backend,omitempty"`
	// Sampling of requests that say nothing.
	Sampling Sampling `json:"sampling,omitempty"`
	// What a request may ask.
	Limits Limits `json:"limits,omitempty"`
	// How models are loaded.
	Load LoadOptions `json:"load,omitempty"`
	// What becomes of KV caches.
	Cache Cache `json:"cache,omitempty"`
}

// Channel is a model and how it is served.
type Channel struct {
	// Two channels under this name, instead of one: see docs/experiments.md. Beside it there may be
	// aliases alone.
	AB *AB `json:"ab,omitempty"`
	// Short name of the model. Not needed when the channel's name is an id.
	Model string `json:"model,omitempty"`
	// Name of the backend plugin.
	Backend string `json:"backend,omitempty"`
	// Codec that packs the KV cache.
	Codec *Codec `json:"codec,omitempty"`
	// Drafter that guesses tokens.
	Drafter *Drafter `json:"drafter,omitempty"`
	// Sampling of requests that say nothing; over that of defaults.
	Sampling Sampling `json:"sampling,omitempty"`
	// What a request may ask; over that of defaults.
	Limits Limits `json:"limits,omitempty"`
	// How the model is loaded; over that of defaults.
	Load LoadOptions `json:"load,omitempty"`
	// What becomes of its KV cache; over that of defaults.
	Cache Cache `json:"cache,omitempty"`
	// System prompt of chats that have none of their own.
	SystemPrompt string `json:"system_prompt,omitempty"`
	// File with a Jinja chat template instead of the model's own.
	ChatTemplate string `json:"chat_template,omitempty" path:"true"`
	// Other names of the channel.
	Aliases []string `json:"aliases,omitempty"`
	// Never unload the model to make room or for being idle.
	Pin bool `json:"pin,omitempty"`
	// Load the model when the daemon starts.
	Preload bool `json:"preload,omitempty"`
	// Unload the model when nobody has used it for so long; never keeps it. By default that of pool.
	IdleTTL TTL `json:"idle_ttl,omitempty"`
}

// AB is two channels under one name, to compare b with a on what is asked anyway.
type AB struct {
	// What there is: a channel, or a channel id.
	A string `json:"a" jsonschema:"required,minLength=1"`
	// What is compared with it: a channel, or a channel id.
	B string `json:"b" jsonschema:"required,minLength=1"`
	// Share that b answers, such as 10%; 50% when not said.
	Split Percent `json:"split,omitempty"`
	// What keeps the channel that was drawn for it: session (a conversation), user, or request, which
	// draws for each request; session when not said.
	Sticky string `json:"sticky,omitempty" jsonschema:"enum=session,enum=user,enum=request"`
	// Let a answer everything, and b the same once more, unseen, when the daemon has nothing else to do.
	Shadow bool `json:"shadow,omitempty"`
}

// Cache says what becomes of a KV cache. Channels that differ here load the model once each.
type Cache struct {
	// Where the codec acts: parked packs conversations that are idle and leaves the cache of running
	// ones alone; live passes every key and value through the codec before attention reads it; resident keeps
	// them packed in memory and attention reads them so (backend gomlx; with a codec that it cannot do that with
	// it is parked). parked when not said.
	Mode string `json:"mode,omitempty" jsonschema:"enum=parked,enum=live,enum=resident"`
	// A conversation that nobody has gone on with for so long is packed and kept under sessions, to be
	// restored when it goes on; never keeps none. When not said, 30s for channels with a codec that is
	// parked, and never for others. Without a codec the cache is kept as it is, in more bytes.
	ParkAfter TTL `json:"park_after,omitempty"`
	// Newest tokens that mode live leaves exact until they age.
	Recent int `json:"recent,omitempty" jsonschema:"minimum=0"`
	// First tokens of a prompt that the codec leaves exact; 1 when not said.
	Sinks *int `json:"sinks,omitempty" jsonschema:"minimum=0,maximum=64"`
}

// Codec is a codec and its parameters.
type Codec struct {
	// Name of the codec, or none.
	Name string `json:"name,omitempty"`
	// Lattice range. By default that of the model's profile, else 38.
	Q int `json:"q,omitempty" jsonschema:"minimum=1,maximum=32767"`
	// First and last layers that the codec leaves alone. By default that of the model's profile,
	// else 0.
	Boundary *int `json:"boundary,omitempty" jsonschema:"minimum=0,maximum=999"`
	// Further parameters of the codec.
	Params map[string]string `json:"params,omitempty"`
}

// Drafter is a drafter and its parameters.
type Drafter struct {
	// Name of the drafter.
	Name string `json:"name,omitempty"`
	// Parameters of the drafter.
	Params map[string]string `json:"params,omitempty"`
}

// Sampling says how tokens are drawn.
type Sampling struct {
	// Flattens (above 1) or sharpens (below 1) the distribution; 0 takes the most likely token.
	Temperature float32 `json:"temperature,omitempty" jsonschema:"minimum=0,maximum=10"`
	// Draw from that many most likely tokens; 0 is all.
	TopK int `json:"top_k,omitempty" jsonschema:"minimum=0"`
	// Draw from the most likely tokens that together have this probability; 1 is all.
	TopP float32 `json:"top_p,omitempty" jsonschema:"minimum=0,maximum=1"`
	// Draw from tokens at least this likely, as a share of the most likely one; 0 is all.
	MinP float32 `json:"min_p,omitempty" jsonschema:"minimum=0,maximum=1"`
	// Draw from the most typical tokens that together have this probability; 0 or 1 is all.
	TypicalP float32 `json:"typical_p,omitempty" jsonschema:"minimum=0,maximum=1"`
	// Divides the score of tokens that occurred; 0 or 1 is off.
	RepeatPenalty float32 `json:"repeat_penalty,omitempty" jsonschema:"minimum=0,maximum=10"`
	// Lowers the score of a token for each time that it occurred.
	FrequencyPenalty float32 `json:"frequency_penalty,omitempty" jsonschema:"minimum=-2,maximum=2"`
	// Lowers the score of tokens that occurred.
	PresencePenalty float32 `json:"presence_penalty,omitempty" jsonschema:"minimum=-2,maximum=2"`
	// Tokens that the penalties look back on; -1 is all.
	PenaltyLastN int `json:"penalty_last_n,omitempty" jsonschema:"minimum=-1"`
	// Seed of the draws; 0 is another one for each request.
	Seed uint64 `json:"seed,omitempty" jsonschema:"minimum=0"`
	// Added to the scores of tokens, by token id.
	LogitBias LogitBias `json:"logit_bias,omitempty"`
	// Never draw a token that ends the answer.
	IgnoreEOS bool `json:"ignore_eos,omitempty"`
}

// Limits bound what a request may ask. 0 is no limit.
type Limits struct {
	// Most tokens of an answer. A request that asks for more, or says nothing, gets at most this
	// many.
	MaxTokens int `json:"max_tokens,omitempty" jsonschema:"minimum=0"`
	// Most tokens of a prompt. A longer one is refused.
	MaxPromptTokens int `json:"max_prompt_tokens,omitempty" jsonschema:"minimum=0"`
	// Longest time from a request's arrival to the end of its answer.
	Timeout Duration `json:"timeout,omitempty"`
	// Requests of the channel that may be open at once, waiting or running. More are told to come
	// back.
	Queue int `json:"queue,omitempty" jsonschema:"minimum=0"`
}

// LoadOptions say how a backend loads a model. Channels that differ here load the model once each.
type LoadOptions struct {
	// Most tokens of one request, prompt and answer; 0 is the model's own, at most 4096.
	Context int `json:"context,omitempty" jsonschema:"minimum=0"`
	// Requests that are decoded together; 0 is 4.
	Parallel int `json:"parallel,omitempty" jsonschema:"minimum=0,maximum=256"`
	// KV cells that all requests share; 0 is context.
	CacheTokens int `json:"cache_tokens,omitempty" jsonschema:"minimum=0"`
	// Most tokens of one decode step; 0 is 512.
	Batch int `json:"batch,omitempty" jsonschema:"minimum=0"`
	// Most prompt tokens of a step while other requests generate; 0 is the backend's choice.
	PrefillChunk int `json:"prefill_chunk,omitempty" jsonschema:"minimum=0"`
	// Requests that may wait inside the backend; 0 is 256.
	Queue int `json:"queue,omitempty" jsonschema:"minimum=0"`
	// Threads; 0 is as many as the process may use.
	Threads int `json:"threads,omitempty" jsonschema:"minimum=0"`
	// Layers on the GPU; -1 is all.
	GPULayers int `json:"gpu_layers,omitempty" jsonschema:"minimum=-1"`
	// Type of the cached keys; f16 when not said.
	KVTypeK string `json:"kv_type_k,omitempty" jsonschema:"enum=f16,enum=q8_0,enum=q4_0"`
	// Type of the cached values; f16 when not said.
	KVTypeV string `json:"kv_type_v,omitempty" jsonschema:"enum=f16,enum=q8_0,enum=q4_0"`
	// Read the model file into memory instead of mapping it.
	NoMmap bool `json:"no_mmap,omitempty"`
	// Options that only this backend has.
	Extra map[string]string `json:"extra,omitempty"`
}
