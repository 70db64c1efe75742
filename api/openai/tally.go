package openai

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/router"
)

// Tally adds up what the answers to a request took.
type Tally struct {
	PerPrompt int // answers that share a prompt, which counts once
	total     backend.Final
}

// Add takes a piece that ends an answer.
func (t *Tally) Add(p *router.Piece) {
	f, sum := p.Final, &t.total
	if p.Choice%max(t.PerPrompt, 1) == 0 {
		sum.PromptTokens += f.PromptTokens
		sum.CachedTokens += f.CachedTokens
		sum.RestoredTokens += f.RestoredTokens
		sum.Timings.Restore += f.Timings.Restore
	}
	sum.Reason, sum.StopString, sum.Seed = f.Reason, f.StopString, f.Seed
	sum.OutputTokens += f.OutputTokens
	sum.Draft.Add(f.Draft)
	sum.Timings.Queue = max(sum.Timings.Queue, f.Timings.Queue)
	sum.Timings.Prefill = max(sum.Timings.Prefill, f.Timings.Prefill)
	sum.Timings.Generate = max(sum.Timings.Generate, f.Timings.Generate)
}

// Total is the sum.
func (t *Tally) Total() *backend.Final { return &t.total }

// NewCallID names a call. Some chat templates insist on 9 characters.
func NewCallID() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var random [9]byte
	_, _ = rand.Read(random[:]) // never fails
	for i, b := range random {
		random[i] = letters[int(b)%len(letters)]
	}
	return string(random[:])
}

// newID is a part of a name that nothing else has.
func newID() string {
	var random [12]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}
