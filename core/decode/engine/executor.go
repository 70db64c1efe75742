// Package engine is the token loop that every backend of this repository shares: continuous
// batching over slots, chunked prefill, reuse of common prefixes, preemption when the cache is
// full, sampling, grammar, stop strings, log-probabilities, cancellation and timings. What runs
// the model is behind [Executor].
//
// # The loop
//
// One goroutine owns the executor and all state. A round of it takes what callers sent, admits
// waiting requests to slots, and computes one step: the last token of each request that generates,
// and prompt tokens of the others. Callers wait in their own goroutines, where emit runs too; a
// slow one gets fewer and larger events and holds up nobody. With nothing to do the loop blocks.
//
// # Prefixes
//
// A sequence keeps its tokens when its request ends, whatever the end. A new request continues an
// idle sequence, or gets a copy of the longest common prefix that any sequence holds, that of an
// active request too. A prefix that another request is computing just now is waited for: requests
// that come together compute what they share once. The last token of a prompt is always computed.
// Idle sequences give way in the order of their last use. Prefixes are shared between requests of one
// scope only, what is computed just now included.
//
// # Parking
//
// With an executor that is a [Parker], idle sequences leave the cache as packed pages and come back.
// The loop copies a page's cells, which is quick, and the caller of ExportPages packs them beside the
// steps; while requests are at work one page a round is copied. A sequence that must give way is
// copied first, as far as the copies that are not packed yet leave room. ImportPages unpacks in its
// caller's goroutines, and the loop puts all cells into a kept sequence between two steps; only what
// the requests at work leave is filled. Each sequence knows which of its pages were handed over and
// which were restored; copies and cuts of it keep that.
//
// # Cells
//
// Requests are admitted when the cells that active ones hold and have yet to fill leave room. When
// cells run out nevertheless, idle sequences are emptied first; then the youngest request gives up
// its cells, goes back to the head of the queue and is later computed again from its tokens: its
// stream only pauses. A request that is alone always fits.
//
// # Drafts
//
// With a drafter, the tokens that it proposes for a request are computed together with the one drawn
// last, in the same step as everybody's tokens. The request then draws as without them, token by
// token, for as long as what it draws is what was proposed; the cells of the rest are removed. So
// grammar, penalties, stop strings and log-probabilities are what they are without a drafter, and so
// is the answer to a seed. Proposals that were drawn are accepted as in sampling.Verify, and only for
// requests without a seed. How many are verified is decided step by step (core/decode/speculate): by
// what steps of each size cost here, measured when the engine starts and followed in use, and by what
// was accepted lately. A request that drafting has cost more than it saved goes on without. So does
// one whose drafter fails; nothing else comes of that.
package engine

import "github.com/kakeyad/kakeyad/core/plugin/backend"

// SeqID names one sequence of an executor's KV cache, from 0 to Limits.Sequences-1.
type SeqID int32

// Limits are fixed when the executor is made.
type Limits struct {
	Sequences  int  // sequences that the cache can tell apart
	Cells      int  // KV cells shared by all sequences
	Batch      int  // most items of one Step
	Vocabulary int  // logits per output
	CopyIsFree bool // SeqCopy shares cells instead of copying them
}

// Item is one token of a step.
type Item struct {
	Token  backend.Token
	Pos    int32 // position in its sequence, from 0
	Seq    SeqID
	Output bool // logits are wanted after this token
}

// Executor computes decode steps over a KV cache that is addressed by sequence and position.
// The engine calls it from one goroutine, Interrupt aside.
type Executor interface {
	Limits() Limits

	// Step appends the items' keys and values to their sequences and computes logits where
	// Output is set. Items of one sequence come in order of position. A failed Step leaves the
	// cache as it was before. ErrNoCells: no room for the items, nothing was done.
	// ErrInterrupted: Interrupt ended it.
	Step(items []Item) error

	// Logits returns those of the n-th item with Output of the last Step, [vocabulary]. The
	// slice belongs to the executor and is valid until the next call of Step or Hidden.
	Logits(n int) []float32

	// SeqRemove forgets the cells of positions [from, to) of a sequence; to < 0 is the end.
	// False: this cache cannot cut there (a recurrent or sliding-window state), and nothing
	// was done; removing a whole sequence always works.
	SeqRemove(seq SeqID, from, to int32) bool

	// SeqCopy makes positions [0, to) of src also those of dst, which must be empty there.
	// False: this cache cannot, and nothing was done.
	SeqCopy(src, dst SeqID, to int32) bool

	// Interrupt makes a running Step return soon. It may be called at any time, from anywhere.
	Interrupt()
}

// Vocabulary is what the engine needs to know of a tokenizer. Safe for concurrent use.
type Vocabulary interface {
	Size() int
	// Piece returns the bytes of a token. Special tokens have none unless special is true.
	// The slice is shared: do not write to it.
	Piece(token backend.Token, special bool) []byte
	IsEnd(token backend.Token) bool
	Tokenize(text string, addSpecial, parseSpecial bool) ([]backend.Token, error)
}
