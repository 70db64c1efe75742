// Package backend is the contract of a plugin that runs models.
//
// # Who does what
//
// The host renders the chat template and names a model; the backend tokenizes, decodes, samples,
// verifies drafts, applies the grammar and the stop strings, and streams [Event]s back: one
// Generate call a request, never a host round trip a token.
//
// # Concurrency
//
// Every method is safe for concurrent use. A backend decodes the active requests of a model
// together; a request that finds all slots taken waits its turn inside Generate, or gets ErrBusy
// when the queue is full too.
//
// # Cancellation
//
// Cancelling the context of any call ends its work within one decode step and returns the
// context's error. What other requests do is not disturbed.
//
// # Errors
//
// Methods return the sentinels of core/plugin/base and of this package, wrapped with what was
// being done and to which thing. They survive the wire: errors.Is and errors.As work on what the
// proxy returns.
package backend

import (
	"context"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Capabilities of a backend.
const (
	CapEmbed         base.Capability = "embed"         // Embed works for models that can
	CapScore         base.Capability = "score"         // Score works
	CapDistributions base.Capability = "distributions" // Distribution in ScoreRequest is honoured
	CapGrammar       base.Capability = "grammar"       // Constraint in GenerateRequest is honoured
	CapGPU           base.Capability = "gpu"           // GPULayers has an effect in this build
	CapCodec         base.Capability = "codec"         // Bindings.Codec is honoured
	CapPages         base.Capability = "pages"         // the backend is a Pager
	CapRedraft       base.Capability = "redraft"       // the backend is a Redrafter
)

// Backend runs models. The package comment says what holds for all methods.
type Backend interface {
	base.Plugin

	// LoadModel opens a model under the caller's ID and returns when it can generate. It calls
	// progress, never concurrently and not after it has returned, with fractions that do not
	// fall; progress may be nil.
	//
	// Errors: ErrInvalid (bad options), ErrModelFile (missing, damaged or of an architecture
	// that the backend does not know), ErrOutOfMemory, ErrExists (the ID is taken),
	// ErrUnsupported (an option that this build cannot honour).
	LoadModel(ctx context.Context, req LoadRequest, progress func(LoadProgress)) (ModelInfo, error)

	// UnloadModel waits for no one: requests that the model still serves fail with
	// ErrModelNotLoaded. It returns when the memory is free. Callers hold leases, so in
	// practice there are none. An unknown ID is ErrModelNotLoaded.
	UnloadModel(ctx context.Context, id ModelID) error

	// Tokenize turns text into token ids.
	Tokenize(ctx context.Context, req TokenizeRequest) ([]Token, error)

	// Detokenize turns token ids into the bytes that they stand for, special tokens included as
	// their text. The bytes may end or begin inside a UTF-8 character.
	Detokenize(ctx context.Context, id ModelID, tokens []Token) ([]byte, error)

	// Generate runs one request and calls emit for each event, in order and never concurrently.
	// It returns after emit was called with an event that has Final, or with an error, or with
	// emit's own error (which ends the request). A failing request emits no Final.
	//
	// Errors: ErrModelNotLoaded, ErrInvalid (naming the field), *ContextFullError,
	// ErrBusy, ErrUnsupported, the context's error.
	Generate(ctx context.Context, req GenerateRequest, emit func(Event) error) error

	// Embed returns one vector an input. ErrUnsupported without CapEmbed.
	Embed(ctx context.Context, req EmbedRequest) (EmbedResult, error)

	// Score returns the log-probability of each given token after those before it, for
	// evaluation. The model's cache is not left changed. It returns the error of
	// ScoreRequest.Distribution, which ends the call. ErrUnsupported without CapScore, and for a
	// request with Distribution without CapDistributions.
	Score(ctx context.Context, req ScoreRequest) (ScoreResult, error)

	// Stats returns what the model does now and has done since it was loaded. It answers while the
	// model works, and counters rise as work gets on: the host takes a backend for hung when a call of
	// Generate, Embed or Score brings nothing for minutes and Stats shows no work either.
	Stats(ctx context.Context, id ModelID) (Stats, error)
}

// ModelID names a loaded model. The caller chooses it; it is unique within one plugin process.
type ModelID string

// Token is an id of the model's vocabulary, from 0.
type Token = int32

// LoadRequest says what to load and how.
type LoadRequest struct {
	ID   ModelID
	Path string // absolute path of the model file

	Options  LoadOptions
	Bindings Bindings
}

// LoadOptions are a model's settings. Zero values mean the backend's default, which ModelInfo
// then tells. Two channels with equal path, backend, bindings and options share a loaded model.
type LoadOptions struct {
	Context      int    // most tokens of one request, prompt and answer; 0: the model's own, at most 4,096
	Parallel     int    // slots: requests decoded together; 0: 4
	CacheTokens  int    // KV cells shared by all slots; 0: Context. Never below Context.
	Batch        int    // most tokens of one decode step; 0: 512
	PrefillChunk int    // most prompt tokens a step while others generate; 0: the backend's choice
	Queue        int    // requests that may wait for a slot; 0: 256
	Threads      int    // 0: as many as the process may use
	GPULayers    int    // layers on the GPU; 0: none, -1: all
	KVTypeK      string // "f16", "q8_0" or "q4_0"; "": f16
	KVTypeV      string
	NoMmap       bool              // read the file into memory instead of mapping it
	Cache        CacheOptions      // what becomes of the KV cache
	Extra        map[string]string // backend-specific; an unknown key is ErrInvalid
}

// Bindings are the other plugins that a model works with. The host introduces them; see
// docs/architecture.md. A backend that is given a binding that it cannot use answers
// ErrUnsupported: it never ignores one.
type Bindings struct {
	Codec   *Link // packs the KV cache as LoadOptions.Cache says
	Drafter *Link // proposes tokens to verify
}

// Link is how a backend reaches a plugin that the host bound to it.
type Link struct {
	Plugin  string            // name of the plugin
	Address string            // of the private unix socket
	Secret  []byte            // one-time secret that the backend must present
	Params  map[string]string // the channel's parameters for the plugin, such as variant and q; see ParamBoundary

	// Patience is how long a call may take before the backend takes the plugin for hung: it ends the
	// link, and its own calls that need it fail with base.ErrPluginGone and base.ErrHung, for which
	// the host stops the plugin. 0: link.DefaultPatience.
	Patience time.Duration
}

// ParamBoundary is the one of a codec's parameters that is the backend's and is not passed on: so
// many first and so many last layers the codec leaves alone.
const ParamBoundary = "boundary"

// LoadProgress is a step of loading.
type LoadProgress struct {
	Stage    string  // "weights", "warmup", ...
	Fraction float32 // of the whole, from 0 to 1
}

// ModelInfo is what is known of a loaded model.
type ModelInfo struct {
	Architecture string // general.architecture of the GGUF, such as "llama"
	Name         string // general.name
	Quantization string // such as "Q4_1"
	Parameters   int64
	Layers       int
	Embedding    int // width of the residual stream
	Heads        int
	KVHeads      int // of the first layer
	HeadDim      int
	Vocabulary   int // tokens
	TrainContext int // tokens the model was trained for

	ChatTemplate string            // Jinja source, "" when the file has none
	Special      map[string]Token  // "bos", "eos", "eot", "pad", ...: only those that exist
	Text         map[string]string // text of the special tokens, same keys
	Control      []string          // texts of all tokens that ParseSpecial makes of text, UTF-8
	EndTokens    []Token           // all that end a generation
	AddBOS       bool              // Tokenize with AddSpecial begins with bos
	Generative   bool              // can Generate; an embedding model cannot

	// PageFormat names what the bytes of a page mean: loads of the same model file with equal
	// PageFormat read each other's pages. "": the model does not park, because CacheOptions say
	// so or because it cannot.
	PageFormat string

	Options LoadOptions // as resolved: no zero left that stood for a default
	Memory  Memory
}

// Memory counts bytes that a loaded model holds.
type Memory struct {
	Weights         int64
	KV              int64 // of all cells
	Compute         int64 // work buffers
	KVBytesPerToken int64 // in the backend's own cache
}

// Total is the whole of it.
func (m Memory) Total() int64 { return m.Weights + m.KV + m.Compute }

// TokenizeRequest is the input of Tokenize.
type TokenizeRequest struct {
	Model        ModelID
	Text         string
	AddSpecial   bool // add bos and the like as the model asks
	ParseSpecial bool // text of special tokens becomes those tokens
}

// Prompt is text or tokens; exactly one is given.
type Prompt struct {
	Text         string
	AddSpecial   bool // with Text, as in TokenizeRequest
	ParseSpecial bool
	Tokens       []Token
}

// GenerateRequest is the input of Generate.
type GenerateRequest struct {
	Model     ModelID
	RequestID string // for logs
	Prompt    Prompt
	Scope     string // KV is reused only between requests of equal scope; "": everybody's
	Sampling  Sampling
	Stop      []string // ends the generation; the text stops before it
	MaxTokens int      // 0: until the context is full

	Logprobs    bool // send TokenLogprob for each token
	TopLogprobs int  // and this many alternatives, 0 to 20

	Constraint  Constraint
	NoCache     bool // neither read nor leave the prompt's KV for others
	NoDraft     bool // do not use the bound drafter
	KeepSpecial bool // text of special tokens is part of the answer
}

// Constraint restricts what may be generated. At most one is given.
type Constraint struct {
	Grammar    string // GBNF, starting at the rule "root"
	JSONSchema string // a JSON schema; "{}" is any JSON value
}

// Sampling says how a token is drawn. [DefaultSampling] is the start: the zero value is greedy
// and has no penalties.
type Sampling struct {
	Temperature      float32 // 0: greedy
	TopK             int     // 0: all
	TopP             float32 // 0 or 1: off
	MinP             float32 // 0: off
	TypicalP         float32 // 0 or 1: off
	RepeatPenalty    float32 // 0 or 1: off
	FrequencyPenalty float32
	PresencePenalty  float32
	PenaltyLastN     int    // tokens that the penalties look back on; 0: 64, -1: all
	Seed             uint64 // same seed, same request, same answer; 0: drawn by the backend and told in Final
	LogitBias        map[Token]float32
	IgnoreEOS        bool // end tokens cannot be drawn
}

// DefaultSampling is what a channel starts from when it says nothing.
func DefaultSampling() Sampling {
	return Sampling{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, PenaltyLastN: 64}
}

// Event is one piece of an answer. Fields that have nothing to say are empty.
type Event struct {
	Prompt   *PromptInfo    // first event, once: the request was admitted to a slot
	Text     string         // whole UTF-8 characters; never part of a stop string
	Tokens   []Token        // drawn since the last event, their text held back or not; an end token too
	Logprobs []TokenLogprob // one for each of Tokens when asked for
	Final    *Final         // last event, once
}

// PromptInfo is known as soon as a request has a slot.
type PromptInfo struct {
	Tokens int // of the prompt
	Cached int // of these, how many need no computing
}

// TokenLogprob is a drawn token's log-probability (natural logarithm) under the model, before
// temperature, filters and penalties.
type TokenLogprob struct {
	Token   Token
	Bytes   []byte
	Logprob float32
	Top     []TokenLogprob // most likely first, without Top of their own
}

// FinishReason says why a generation ended.
type FinishReason string

// Why a generation ended.
const (
	FinishStop   FinishReason = "stop"   // an end token, a stop string, or a finished grammar
	FinishLength FinishReason = "length" // MaxTokens, or the context is full
)

// Final closes an answer.
type Final struct {
	Reason       FinishReason
	StopString   string // the stop string that was met, if any
	Seed         uint64 // that the draws came from
	PromptTokens int
	CachedTokens int
	OutputTokens int // generated, the end token included
	Timings      Timings
	Draft        DraftStats

	RestoredTokens int // of CachedTokens, brought back by ImportPages; whoever called that tells, not the backend
}

// Timings of a request, as measured in the backend.
type Timings struct {
	Queue    time.Duration // waiting for a slot
	Prefill  time.Duration // computing the prompt
	Generate time.Duration // from the first token to the last
	Restore  time.Duration // in ImportPages, before the request; told as RestoredTokens is
}

// EmbedRequest is the input of Embed.
type EmbedRequest struct {
	Model     ModelID
	Inputs    []Prompt
	Normalize bool // to length 1
}

// EmbedResult has one vector an input, [inputs][embedding].
type EmbedResult struct {
	Vectors      [][]float32
	PromptTokens int
}

// ScoreRequest is the input of Score.
type ScoreRequest struct {
	Model       ModelID
	Tokens      []Token // at least two
	From        int     // first token scored, at least 1
	TopLogprobs int     // 0 to 20

	// Distribution, when given, is called once for each token scored, in order and never
	// concurrently, with what the model held of every token in its place. Scoring does not wait
	// for it: what it has not taken yet stays in memory, two bytes for each of the vocabulary.
	Distribution func(Levels) error
}

// ScoreResult has one entry for each token from From on.
type ScoreResult struct {
	Tokens []TokenLogprob
}

// Stats of a loaded model.
type Stats struct {
	Active, Waiting int // requests now
	Slots           int
	CellsUsed       int // KV cells that hold something
	Cells           int
	Requests        int64 // finished since loading
	PromptTokens    int64 // computed
	CachedTokens    int64 // found in the cache
	OutputTokens    int64
	Steps           int64         // decode steps
	StepTokens      int64         // tokens in them; divided by Steps it is the mean batch
	Preempted       int64         // requests that gave up their cells for a while
	Busy            time.Duration // time spent in decode steps
	PagesPacked     int64         // handed over by ExportPages
	PackedBytes     int64         // of these
	TokensRestored  int64         // by ImportPages
	Compiled        int64         // programs that were compiled for this model; what was there already is not counted

	Draft       DraftStats // of all requests, those at work too
	DraftUnpaid int64      // requests whose drafting was switched off as it did not pay
	DraftFailed int64      // requests that went on without a drafter that failed
}
