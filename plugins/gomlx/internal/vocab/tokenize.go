package vocab

import (
	"fmt"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

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
		tokens, err := v.merger.encode(part.text)
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
