// Package vocab is a model's tokenizer as the token loop sees it, with the bytes of every token at
// hand.
package vocab

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
)

// Vocabulary implements engine.Vocabulary. It is safe for concurrent use.
type Vocabulary struct {
	mu     sync.RWMutex
	model  *binding.Model // nil after Close
	text   []byte         // the pieces of all tokens, one after the other
	starts []uint32       // where each begins in text, and where the last ends
	flags  []uint8
	ends   []backend.Token
}

const (
	isSpecial uint8 = 1 << iota // has no bytes unless special tokens are wanted
	isEnd
)

// New reads the pieces of all tokens. It takes some 100 ns a token.
func New(model *binding.Model) *Vocabulary {
	size := model.VocabularySize()
	v := &Vocabulary{
		model:  model,
		text:   make([]byte, 0, 8*size),
		starts: make([]uint32, 0, size+1),
		flags:  make([]uint8, size),
	}
	var scratch []byte
	for t := range backend.Token(size) {
		start := len(v.text)
		v.starts = append(v.starts, uint32(start))
		v.text = model.Piece(v.text, t, true)
		scratch = model.Piece(scratch[:0], t, false)
		if len(scratch) == 0 && len(v.text) > start {
			v.flags[t] |= isSpecial
		}
		if model.IsEnd(t) {
			v.flags[t] |= isEnd
			v.ends = append(v.ends, t)
		}
	}
	v.starts = append(v.starts, uint32(len(v.text)))
	return v
}

// Size is the number of tokens.
func (v *Vocabulary) Size() int { return len(v.flags) }

// Piece returns the bytes of a token. Special tokens have none unless special is true. The slice
// is shared: do not write to it.
func (v *Vocabulary) Piece(t backend.Token, special bool) []byte {
	if !v.has(t) || v.flags[t]&isSpecial != 0 && !special {
		return nil
	}
	from, to := v.starts[t], v.starts[t+1]
	return v.text[from:to:to]
}

// IsEnd says whether a token ends a generation.
func (v *Vocabulary) IsEnd(t backend.Token) bool { return v.has(t) && v.flags[t]&isEnd != 0 }

// Ends returns all tokens that end a generation, in order.
func (v *Vocabulary) Ends() []backend.Token { return v.ends }

// Control returns the texts of all tokens that have no bytes unless special tokens are wanted, as
// far as they are UTF-8.
func (v *Vocabulary) Control() []string {
	var out []string
	for t := range backend.Token(v.Size()) {
		if text := v.Piece(t, true); v.flags[t]&isSpecial != 0 && utf8.Valid(text) {
			out = append(out, string(text))
		}
	}
	return out
}

// Close waits for calls of Tokenize, and makes later ones fail with ErrModelNotLoaded: the model
// can be freed then. The pieces stay.
func (v *Vocabulary) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.model = nil
}

// Tokenize turns text into tokens. See binding.Model.Tokenize.
func (v *Vocabulary) Tokenize(text string, addSpecial, parseSpecial bool) ([]backend.Token, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.model == nil {
		return nil, fmt.Errorf("tokenize: %w", backend.ErrModelNotLoaded)
	}
	tokens, err := v.model.Tokenize(text, addSpecial, parseSpecial)
	if err != nil {
		return nil, fmt.Errorf("tokenize %d bytes: %w: %w", len(text), base.ErrInvalid, err)
	}
	return tokens, nil
}

// Detokenize returns the bytes of tokens, special ones as their text.
func (v *Vocabulary) Detokenize(tokens []backend.Token) ([]byte, error) {
	var text []byte
	for i, t := range tokens {
		if !v.has(t) {
			return nil, fmt.Errorf("tokens[%d]: no token %d in a vocabulary of %d: %w", i, t, v.Size(), base.ErrInvalid)
		}
		text = append(text, v.Piece(t, true)...)
	}
	return text, nil
}

func (v *Vocabulary) has(t backend.Token) bool { return t >= 0 && int(t) < len(v.flags) }
