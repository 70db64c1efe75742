package enginetest

import "github.com/kakeyad/kakeyad/core/plugin/backend"

// Vocabulary has a token for each byte and some special ones. It implements [engine.Vocabulary].
type Vocabulary struct {
	NoBOS bool // Tokenize adds nothing
}

// The tokens that are not bytes.
const (
	BOS backend.Token = 256 + iota
	EOS
	EOT
	Tool // special, but not an end
	vocabularySize
)

var special = map[backend.Token]string{BOS: "<s>", EOS: "</s>", EOT: "<|eot|>", Tool: "<|tool|>"}

// Size implements [engine.Vocabulary].
func (Vocabulary) Size() int { return int(vocabularySize) }

// Piece implements [engine.Vocabulary].
func (Vocabulary) Piece(t backend.Token, withSpecial bool) []byte {
	if t < BOS {
		return []byte{byte(t)}
	}
	if withSpecial {
		return []byte(special[t])
	}
	return nil
}

// IsEnd implements [engine.Vocabulary].
func (Vocabulary) IsEnd(t backend.Token) bool { return t == EOS || t == EOT }

// Tokenize implements [engine.Vocabulary].
func (v Vocabulary) Tokenize(text string, addSpecial, _ bool) ([]backend.Token, error) {
	var tokens []backend.Token
	if addSpecial && !v.NoBOS {
		tokens = append(tokens, BOS)
	}
	for _, b := range []byte(text) {
		tokens = append(tokens, backend.Token(b))
	}
	return tokens, nil
}
