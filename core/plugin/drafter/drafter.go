// Package drafter is the contract of a plugin that guesses the next tokens of a text, so that a
// backend can verify several of them in one step.
//
// # Who does what
//
// A drafter never decides what a text says. The backend gives proposals to the model together with
// the token drawn last, keeps those that the model would have drawn itself and removes the rest, so
// that a poor drafter costs time and never a wrong token.
//
// # Attachment and session
//
// An [Attachment] joins a drafter to one loaded target model; it loads what the drafter needs for
// that and says what it is good for. A [Session] is the text of one request. The life of a session:
//
//	Open
//	Committed(prompt)              the tokens of the prompt, in as many calls as suits
//	Propose(n)                     p ≤ n tokens that may follow
//	Settle(k), Committed(next)     k of them are now part of the text; the target's own token follows
//	Propose(n), ...
//	Close
//
// What a session proposes depends on its own text alone. A drafter whose sessions learn from each
// other within an attachment says so, see [Description].Shares, and a [SessionOptions].Private
// session neither learns from others nor teaches them. Nothing passes from one attachment to
// another.
//
// # Hidden features
//
// A drafter may ask for the target's hidden states: [Description].Taps names layers. Committed then
// brings [Features], the outputs of these layers at the text's positions. The state at a position
// is known once the target has computed the token there, so that the token drawn last has none yet:
// when Propose is called, there are features for all positions but the last, apart from those that
// the target took from its cache and did not compute. These are a gap that a drafter has to do
// without; what comes before and behind it is in order.
//
// # Time
//
// All methods of a session are called between two steps of the target, and everybody waits for
// them. A drafter that has much to catch up with does a part of it in each Propose and meanwhile
// proposes nothing.
//
// # Where it runs
//
// The same interfaces stand for a drafter in this process, for one behind gRPC (see [NewClient];
// the host's), and for one behind a link (see [Dial]; a backend's), where the tokens and features
// of a round lie in shared memory. Callers cannot tell which they hold, but for the time that a
// call takes. Proposals that come over a wire are checked: what is not a proposal is
// base.ErrLied.
//
// # Errors
//
// Methods return the sentinels of core/plugin/base and of this package, wrapped with what was being
// done and to which thing. They survive both wires. After an error of Committed or Settle the
// session's text is unknown: all that remains is to close it.
package drafter

import (
	"context"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Capabilities of a drafter, for people: what an attachment does is in its [Description].
const (
	CapFeatures base.Capability = "features" // taps hidden states
	CapSample   base.Capability = "sample"   // can draw its proposals
	CapShare    base.Capability = "share"    // sessions of an attachment may learn from each other
)

// Token is an id of the target's vocabulary, from 0.
type Token = int32

// Params are a drafter's settings as the channel gives them.
type Params map[string]string

// Drafter guesses tokens. It is safe for concurrent use.
type Drafter interface {
	base.Plugin

	// Attach makes the drafter ready for one target model. An unknown key of params is ErrInvalid,
	// as a drafter that was asked for something must not do another thing.
	//
	// Errors: ErrInvalid naming the parameter or the field of the target; ErrUnsupported for a
	// target that this drafter cannot draft for, such as one with another vocabulary.
	Attach(ctx context.Context, target Target, params Params) (Attachment, error)
}

// Attachment is a drafter at work for one target. It is safe for concurrent use.
type Attachment interface {
	// Describe says what to expect. The answer never changes and is not to be written to.
	Describe() Description

	// Open begins a session with an empty text. It costs next to nothing: a session takes what it
	// needs when it is first told of tokens.
	//
	// Errors: ErrClosed, ErrBusy (no more sessions can be had), the context's error.
	Open(ctx context.Context, o SessionOptions) (Session, error)

	// Close frees the attachment when the calls under way have ended, with the sessions that are
	// open. Later calls of theirs and of its own are ErrClosed; closing again does nothing.
	Close() error
}

// Session drafts one text. Its calls are made one after another.
type Session interface {
	// Committed appends tokens to the text, and features of positions that have none yet, which
	// may be positions of earlier calls: they need not be as many as the tokens. A proposal that
	// is not settled is forgotten, as by Settle(0). Neither slice is kept.
	//
	// Errors: ErrInvalid (a token outside of the vocabulary; the text is longer than
	// Target.Context; features that nobody asked for, of positions that are not in the text or
	// had theirs, or of a wrong length), ErrClosed, the context's error.
	Committed(ctx context.Context, tokens []Token, f Features) error

	// Propose guesses what follows the text, which is not empty. It may return fewer than ask.N
	// tokens, and none when it has nothing to say. The same text, told in whatever pieces, and the
	// same ask give the same proposal, but where the session learns from others and where it has
	// to catch up.
	//
	// Errors: ErrInvalid (ask.N is not between 1 and Description.MaxDraft, or other fields of ask
	// are out of range; the text is empty), ErrClosed, the context's error.
	Propose(ctx context.Context, ask Ask) (Proposal, error)

	// Settle ends a proposal: its first accepted tokens are now part of the text, the others are
	// forgotten.
	//
	// Errors: ErrInvalid (more than were proposed, or below 0), ErrClosed, the context's error.
	Settle(ctx context.Context, accepted int) error

	// Close frees the session. Later calls are ErrClosed; closing again does nothing.
	Close() error
}

// Rounds is implemented by attachments that do better when all sessions are asked at once, such as
// those that run a model. Proxies implement it, so that a round is one call. See [Round].
type Rounds interface {
	// Round does for each turn what Settle, Committed and Propose do, in this order, and fills
	// Proposal and Err. Sessions are the attachment's own, each in one turn at most.
	Round(ctx context.Context, turns []Turn)
}

// Turn is what one session is told and asked in a round.
type Turn struct {
	Session  Session
	Accepted int // of the open proposal; it is settled in any case
	Tokens   []Token
	Features Features
	Ask      Ask // N 0: no proposal is wanted

	Proposal Proposal // the answer
	Err      error
}

// Target is what a drafter is told of the model that it drafts for.
type Target struct {
	Architecture string // general.architecture of the GGUF, such as "llama"
	Name         string // general.name
	Path         string // absolute path of the model file
	Vocabulary   int    // tokens
	Layers       int
	Width        int // of the residual stream, and of a tapped state
	Context      int // most tokens of one text
	Sessions     int // requests that the target decodes together
	EndTokens    []Token
}

// Description is what is known of an attachment.
type Description struct {
	// MaxDraft is the most tokens of one proposal, from 1 to [MaxProposal].
	MaxDraft int

	// Taps are the layers whose outputs the drafter wants, from 0, ascending; none: no features.
	Taps []int

	// Confident: proposals come with Confidence.
	Confident bool

	// Samples: Ask.Sample is honoured. Without it proposals are deterministic.
	Samples bool

	// Shares: sessions of equal scope that are not private learn from each other.
	Shares bool

	// Memory is how many bytes the attachment holds or may come to hold.
	Memory int64
}

// SessionOptions say how a session is to be.
type SessionOptions struct {
	// Private: what the session is told is not used for others, nor theirs for it.
	Private bool

	// Scope: sessions learn only from those of equal scope; "": everybody's.
	Scope string
}

// Features are hidden states at consecutive positions of the text.
type Features struct {
	Pos  int       // of the first row
	Rows int       // 0: none
	Data []float32 // [rows, taps, width], row-major
}

// Ask says what proposal is wanted.
type Ask struct {
	// N is the most tokens.
	N int

	// Floor is a hint: a token is not worth proposing whose chance of being accepted, with all
	// before it, is lower. Between 0 and 1.
	Floor float32

	// Sample: tokens are drawn, and the proposal says from which distributions. A drafter that
	// cannot proposes the likeliest, as without Sample.
	Sample bool

	// Temperature is the target's, above 0 with Sample. The nearer the drafter's distribution is
	// to the target's, the more is accepted.
	Temperature float32

	// Seed is what drawn tokens come from.
	Seed uint64
}

// Proposal is what a drafter expects to follow.
type Proposal struct {
	Tokens []Token

	// Confidence is for each token the drafter's estimate of the chance that the target draws it,
	// given that it drew those before; nil without Description.Confident.
	Confidence []float32

	// Drawn is for each token the distribution that it was drawn from; nil when the proposal is
	// deterministic.
	Drawn []Distribution
}

// Distribution gives its tokens their probabilities, which sum to 1, and all others 0. It has at
// most [MaxSupport] tokens, each once.
type Distribution struct {
	Tokens        []Token
	Probabilities []float32
}

// Limits of what travels.
const (
	MaxProposal = 64      // tokens
	MaxScope    = 1 << 10 // bytes
	MaxSupport  = 64      // tokens of a distribution
	MaxContext  = 1 << 24 // tokens of a text
	MaxTaps     = 64
	MaxWidth    = 1 << 17
	MaxSessions = 1 << 16
	MaxLayers   = 1 << 12
	MaxVocab    = 1 << 24
)

// Round does a round with an attachment, in one call where it can.
func Round(ctx context.Context, a Attachment, turns []Turn) {
	if r, ok := a.(Rounds); ok {
		r.Round(ctx, turns)
		return
	}
	for i := range turns {
		t := &turns[i]
		t.Proposal, t.Err = t.take(ctx)
	}
}

// take does a turn by the session's methods.
func (t *Turn) take(ctx context.Context) (Proposal, error) {
	if err := t.Session.Settle(ctx, t.Accepted); err != nil {
		return Proposal{}, err
	}
	if len(t.Tokens) > 0 || !t.Features.none() {
		if err := t.Session.Committed(ctx, t.Tokens, t.Features); err != nil {
			return Proposal{}, err
		}
	}
	if t.Ask.N == 0 {
		return Proposal{}, nil
	}
	return t.Session.Propose(ctx, t.Ask)
}
