package engine

import (
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// request is one caller's work. Until it is submitted it belongs to the caller, then to the loop,
// which closes done when it has let go of it.
type request struct {
	task       task
	tokens     []backend.Token // what its sequence is to hold: the prompt and what was drawn
	prompt     int             // of these, how many are the prompt
	outputFrom int             // logits are wanted after the token at this index and those behind it
	private    bool            // neither reads nor leaves cached prefixes
	scope      string          // prefixes are shared within it
	embedding  *embedding      // instead of all these
	draft      *draft          // nil: nothing is drafted for it
	out        *outbox         // of its events; nil: it has none before its end

	seq   *sequence // nil while it waits
	begun bool      // it has had a sequence
	ended bool

	// The mailbox's, under its lock.
	arrival   uint64 // order of submission
	cancelled bool
	stepping  bool // the running step works for it

	done chan struct{}
	err  error // why it ended, valid once done is closed
}

// task is what a request is for. The loop calls it.
type task interface {
	// placed says that the request has a sequence, with so many tokens of the prompt in it
	// already. It is called once: a request that comes back from a preemption is not new.
	placed(r *request, cached int, now time.Time)

	// logits are those after the token at r.outputFrom. The task appends a token to r or moves
	// outputFrom on, unless it is done or fails. The slice is the executor's and is not kept.
	// A token of a proposal that was drawn comes with it as offer.
	logits(r *request, logits []float32, offer *offer, now time.Time) (done bool, err error)

	// finish is called once when logits said that the request is done.
	finish(r *request)
}

func newRequest(t task, tokens []backend.Token) *request {
	return &request{task: t, tokens: tokens, prompt: len(tokens), done: make(chan struct{})}
}

// pending is how many tokens are yet to be computed.
func (r *request) pending() int { return len(r.tokens) - len(r.seq.tokens) }

// generating says that all that is pending is the token drawn last.
func (r *request) generating() bool { return len(r.tokens) > r.prompt && r.pending() == 1 }
