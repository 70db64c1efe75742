package vocab

import (
	"fmt"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Patterns that text is split by before pairs are merged, by tokenizer.ggml.pre; of llama.cpp's llm_tokenizer_bpe.
const (
	words  = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	digits = `\p{N}`
	llama3 = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2  = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var pretokenizers = map[string][]string{
	"gpt-2": {words}, "smollm": {digits, words},
	"llama-bpe": {llama3}, "llama3": {llama3}, "llama-v3": {llama3},
	"qwen2": {qwen2}, "deepseek-r1-qwen": {qwen2},
}

// Tokenize turns text into tokens. With parseSpecial the texts of special tokens become those; user-defined tokens are
// always found.
func (v *Vocabulary) Tokenize(text string, addSpecial, parseSpecial bool) ([]backend.Token, error) {
	var out []backend.Token
	if addSpecial && v.addBOS {
		out = append(out, v.bos)
	}
	afterSpecial := true
	for _, part := range v.split(text, parseSpecial) {
		if part.known {
			out = append(out, part.token)
			afterSpecial = true
			continue
		}
		if v.prefix && afterSpecial {
			part.text = " " + part.text
		}
		afterSpecial = false
		tokens, err := v.merger.Encode(part.text, false)
		if err != nil {
			return nil, fmt.Errorf("tokenize %d bytes: %w", len(text), err)
		}
		out = append(out, tokens...)
	}
	if addSpecial && v.addEOS {
		out = append(out, v.eos)
	}
	return out, nil
}

// part is a piece of text, or a token that was found in it.
type part struct {
	text  string
	token backend.Token
	known bool
}

// split finds the fixed tokens, the longest first wherever they stand.
func (v *Vocabulary) split(text string, parseSpecial bool) []part {
	if text == "" {
		return nil
	}
	parts := []part{{text: text}}
	for _, f := range v.fixed {
		if f.control && !parseSpecial || !strings.Contains(text, f.text) {
			continue
		}
		var next []part
		for _, p := range parts {
			if p.known {
				next = append(next, p)
				continue
			}
			rest := p.text
			for {
				before, after, found := strings.Cut(rest, f.text)
				if before != "" {
					next = append(next, part{text: before})
				}
				if !found {
					break
				}
				next = append(next, part{token: f.token, known: true})
				rest = after
			}
		}
		parts = next
	}
	return parts
}
