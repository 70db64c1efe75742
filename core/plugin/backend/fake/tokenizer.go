package fake

import (
	"fmt"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// The vocabulary: one token a byte, so that characters of several bytes span tokens; then the
// special tokens; then words.
const (
	tokenBOS backend.Token = 256 + iota
	tokenEOS
	tokenStart
	tokenEnd
	tokenPad
	firstWord
)

var specialTexts = []string{"<s>", "</s>", "<|im_start|>", "<|im_end|>", "<pad>"}

var words = strings.Fields(`
	the of and to in is that it was for on are as with they at be this have from
	or one had by word but not what all were we when your can said there use an
	each which she do how their if will up other about out many then them these so
	some her would make like him into time has look two more write go see number
	no way could people my than first water been call who its now find long down
	day did get come made may part`)

// vocabulary is read-only after init: pieces by token, tokens by piece.
var vocabulary = newVocab()

type vocab struct {
	pieces  []string
	byPiece map[string]backend.Token
	longest int // bytes of the longest word
}

func newVocab() *vocab {
	v := &vocab{byPiece: make(map[string]backend.Token)}
	for b := range 256 {
		v.add(string([]byte{byte(b)}))
	}
	v.pieces = append(v.pieces, specialTexts...)
	for _, w := range words {
		v.add(" " + w)
	}
	return v
}

func (v *vocab) add(piece string) {
	v.byPiece[piece] = backend.Token(len(v.pieces))
	v.pieces = append(v.pieces, piece)
	v.longest = max(v.longest, len(piece))
}

func (v *vocab) size() int { return len(v.pieces) }

func isSpecial(t backend.Token) bool { return t >= tokenBOS && t < firstWord }

func isEnd(t backend.Token) bool { return t == tokenEOS || t == tokenEnd }

// check refuses tokens that the vocabulary does not have.
func (v *vocab) check(field string, tokens []backend.Token) error {
	for i, t := range tokens {
		if t < 0 || int(t) >= v.size() {
			return fmt.Errorf("%s[%d]: %w: token %d is not in the vocabulary of %d", field, i, base.ErrInvalid, t, v.size())
		}
	}
	return nil
}

// tokenize takes the longest piece at each place.
func (v *vocab) tokenize(text string, addSpecial, parseSpecial bool) []backend.Token {
	tokens := make([]backend.Token, 0, len(text)/3+2)
	if addSpecial {
		tokens = append(tokens, tokenBOS)
	}
	for len(text) > 0 {
		token, n := v.first(text, parseSpecial)
		tokens = append(tokens, token)
		text = text[n:]
	}
	return tokens
}

func (v *vocab) first(text string, parseSpecial bool) (backend.Token, int) {
	if parseSpecial && text[0] == '<' {
		for i, s := range specialTexts {
			if strings.HasPrefix(text, s) {
				return tokenBOS + backend.Token(i), len(s)
			}
		}
	}
	if text[0] == ' ' {
		for n := min(v.longest, len(text)); n > 1; n-- {
			if t, ok := v.byPiece[text[:n]]; ok {
				return t, n
			}
		}
	}
	return backend.Token(text[0]), 1
}

// piece is the text of a token; special tokens have one only when asked for.
func (v *vocab) piece(t backend.Token, special bool) string {
	if isSpecial(t) && !special {
		return ""
	}
	return v.pieces[t]
}
