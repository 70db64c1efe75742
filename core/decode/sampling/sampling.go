// Package sampling draws tokens from logits as backend.Sampling says, and computes
// log-probabilities.
//
// # Order
//
// A token is drawn in this order, which is that of llama.cpp's default chain but for the bias:
//
//  1. penalties on tokens seen lately: a logit above zero is divided by the repeat penalty, any
//     other is multiplied by it; then the frequency penalty times the count, and the presence
//     penalty, are subtracted
//  2. logit bias
//  3. tokens that the mask or the caller forbids become impossible
//  4. top_k: the k most likely
//  5. typical_p: those nearest to the expected surprise, until their probability is at least p
//  6. top_p: the most likely, until their probability is at least p
//  7. min_p: those at least p times as likely as the most likely
//  8. temperature, and the draw; with temperature 0 the most likely after step 3 is taken
//
// Each filter sees the distribution that the one before it left, scaled to one. The mask comes
// before the filters, so that what is drawn follows the model's own distribution over what is
// allowed: drawing first and drawing again when refused would not. Equal logits are ordered by
// token id, lowest first.
//
// # Determinism
//
// Equal seeds, settings, logits and calls give equal tokens on every platform: the generator is
// PCG, and neither exponentials nor sums depend on the processor. One number is drawn for each
// token, and none with temperature 0.
//
// # Cost
//
// No path sorts the vocabulary. Greedy is one pass over the logits; top_k one pass and a buffer
// of some 2k candidates; min_p two passes; top_p needs the sum of all exponentials. A mask is
// consulted for the whole vocabulary only when a greedy choice was refused, or when drawing.
package sampling

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// ErrNoToken says that nothing can be drawn: every token is masked, banned or has the logit -Inf.
var ErrNoToken = errors.New("no token is allowed")

// ErrLogits says that logits are NaN or +Inf: the model's computation is broken.
var ErrLogits = fmt.Errorf("%w: logits are not finite", base.ErrCorrupt)

// Mask restricts which tokens may be drawn.
type Mask interface {
	// Allowed answers for one token.
	Allowed(t backend.Token) bool
	// Mask answers for all: bit t%64 of word t/64 is set when token t is allowed. Tokens beyond
	// its end are not allowed. The slice is only read, and not kept.
	Mask() []uint64
}

// Sampler draws the tokens of one request. It is not safe for concurrent use.
type Sampler struct {
	settings settings
	history  history
	seed     uint64
	random   *rand.Rand

	vocabulary int
	view       []float32   // logits after steps 1 to 3, when they differ from the model's
	found      []candidate // buffer
	blocks     []float64   // buffer
}

// New returns a Sampler for logits of the given length. Errors are base.ErrInvalid and name the
// field.
func New(p backend.Sampling, vocabulary int) (*Sampler, error) {
	set, err := resolve(p, vocabulary)
	if err != nil {
		return nil, err
	}
	seed := p.Seed
	if seed == 0 {
		if seed, err = drawSeed(); err != nil {
			return nil, err
		}
	}
	return &Sampler{
		settings:   set,
		history:    newHistory(set),
		seed:       seed,
		random:     rand.New(rand.NewPCG(seed, 0)),
		vocabulary: vocabulary,
	}, nil
}

// Seed is what the draws come from: the one asked for, or the one drawn in its place.
func (s *Sampler) Seed() uint64 { return s.seed }

// Prime adds the prompt to what the penalties look back on.
func (s *Sampler) Prime(tokens []backend.Token) { s.history.add(tokens) }

// Accept adds a token of the answer to what the penalties look back on. Sample does not.
func (s *Sampler) Accept(t backend.Token) { s.history.add([]backend.Token{t}) }

// Sample draws a token. The logits are only read, and not kept. mask may be nil. banned are
// tokens that cannot be drawn this time.
//
// Errors: ErrNoToken, ErrLogits, base.ErrInvalid when logits has the wrong length.
func (s *Sampler) Sample(logits []float32, mask Mask, banned ...backend.Token) (backend.Token, error) {
	if len(logits) != s.vocabulary {
		return 0, fmt.Errorf("%w: %d logits for a vocabulary of %d", base.ErrInvalid, len(logits), s.vocabulary)
	}
	if s.settings.temperature == 0 {
		return s.greedy(logits, mask, banned)
	}
	if mask != nil || s.changes(banned) {
		logits = s.adjust(logits, mask, banned)
	}
	return s.draw(logits)
}

// greedy returns the most likely token. Most often that of the model's own logits is neither
// penalised nor refused, and nothing else need be computed.
func (s *Sampler) greedy(logits []float32, mask Mask, banned []backend.Token) (backend.Token, error) {
	at, best, ok := argmax(logits)
	if !ok {
		return 0, ErrLogits
	}
	token, sure := backend.Token(at), true
	if s.changes(banned) {
		token, best, sure = s.bestOfChanged(logits, token, best, banned)
	}
	if !sure || mask != nil && !mask.Allowed(token) {
		at, best, ok = argmax(s.adjust(logits, mask, banned))
		if !ok {
			return 0, ErrLogits
		}
		token = backend.Token(at)
	}
	if best == negInf {
		return 0, ErrNoToken
	}
	return token, nil
}
