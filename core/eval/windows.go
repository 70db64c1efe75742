package eval

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Text is what is evaluated with.
type Text struct {
	Name string
	Body string // UTF-8
}

func (t Text) sum() string {
	s := sha256.Sum256([]byte(t.Body))
	return hex.EncodeToString(s[:])
}

// Window is tokens that are scored together: each but the first, after those before it.
type Window []backend.Token

// Cut makes windows of size tokens out of a text's, most of them at most (0: no limit). Each
// begins with first, if there is one. What is left over at the end is not used, unless it is all.
func Cut(tokens []backend.Token, first []backend.Token, size, most int) []Window {
	step := size - len(first)
	var out []Window
	for len(tokens) >= step && (most == 0 || len(out) < most) {
		out = append(out, slices.Concat(first, tokens[:step]))
		tokens = tokens[step:]
	}
	if len(out) == 0 && len(tokens)+len(first) > 1 {
		out = append(out, slices.Concat(first, tokens))
	}
	return out
}

// Begin is what the model begins a text with.
func Begin(info backend.ModelInfo) []backend.Token {
	if bos, ok := info.Special["bos"]; ok && info.AddBOS {
		return []backend.Token{bos}
	}
	return nil
}

// scored is how many tokens of the windows are.
func scored(windows []Window) int {
	n := 0
	for _, w := range windows {
		n += len(w) - 1
	}
	return n
}

func checkTexts(texts []Text) error {
	if len(texts) == 0 {
		return fmt.Errorf("no text to evaluate with: %w", base.ErrInvalid)
	}
	for _, t := range texts {
		if t.Body == "" {
			return fmt.Errorf("text %s is empty: %w", t.Name, base.ErrInvalid)
		}
	}
	return nil
}
