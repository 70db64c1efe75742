package compare

import (
	"context"
	"errors"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Bench runs channels. Run calls it from one goroutine.
type Bench interface {
	// Open loads a channel and holds it until Close. Opening one twice is allowed.
	Open(ctx context.Context, channel string) (Channel, error)

	// Park parks a conversation of the channel, of a prompt with its answer of at most n tokens, and
	// goes on with it. The channel must not be open. Nil without an error: the channel parks nothing.
	// An error of ErrNotParked is what is in the way of it.
	Park(ctx context.Context, channel string, tokens []backend.Token, n int) (*Parking, error)

	// Processes tells of the plugins' processes, with the most memory that each has held since
	// the bench was made.
	Processes() []Process
}

// ErrNotParked is why parking cannot be measured now, though the channel parks.
var ErrNotParked = errors.New("what parked pages take was not measured")

// Channel is an opened channel.
type Channel interface {
	Info() Info

	// Prompt is a prompt as the model's tokens.
	Prompt(ctx context.Context, p Prompt) ([]backend.Token, error)

	// Answer continues tokens greedily by at most n. Nothing that was computed before helps.
	Answer(ctx context.Context, tokens []backend.Token, n int) (Answer, error)

	// Text is that of tokens, what is no UTF-8 replaced.
	Text(ctx context.Context, tokens []backend.Token) (string, error)

	// Scorer is the channel as its distributions are measured, beside it; see channel.Scoring.
	Scorer(ctx context.Context) (Scorer, error)

	Close()
}

// Scorer tells distributions.
type Scorer interface {
	Model() backend.ModelInfo
	Tokenize(ctx context.Context, text string) ([]backend.Token, error)

	// Bytes is how many bytes tokens stand for.
	Bytes(ctx context.Context, tokens []backend.Token) (int, error)

	// Score is backend.Backend's.
	Score(ctx context.Context, req backend.ScoreRequest) ([]backend.TokenLogprob, error)
	Close()
}

// Info is what is known of an opened channel.
type Info struct {
	Name    string // that was asked for, resolved
	ID      string // of its composition
	Backend string
	Codec   string // "": none
	Drafter string // "": none
	Model   backend.ModelInfo
}

// Answer is one, and what it took.
type Answer struct {
	First    time.Duration // from asking to the first token
	Prefill  time.Duration // computing the prompt, as the backend measured it
	Generate time.Duration // from the first token to the last, as the backend measured it
	Prompt   int           // tokens of the prompt that were computed
	Tokens   []backend.Token
	Draft    backend.DraftStats
}

// Process is a plugin's process.
type Process struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	PID  int    `json:"pid"`
	// PeakBytes is the most resident memory while the comparison ran. 0: not measured on this system.
	PeakBytes int64 `json:"peak_bytes"`
}
