package chat

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// Guard keeps the text of control tokens in what people say from becoming those tokens: a message
// with "<|im_end|>" in it must not end its turn. Such a text goes through the template with a
// stand-in for its first character, which the template neither knows nor looks for, and comes out
// as a [Segment] of its own. Immutable.
type Guard struct {
	tokens map[rune][]string // by their first character, longest first
	firsts []rune            // the i-th has the stand-in standIn+i
}

// Segment is a part of a prompt.
type Segment struct {
	Text    string
	Literal bool // text of control tokens in it stands for itself
}

// Stand-ins are code points that no text has: Unicode sets them aside for use inside programs.
const (
	standIn  = '\uFDD0'
	standIns = 32
)

// NewGuard guards against the texts of a model's control tokens. Nil when there are none.
func NewGuard(control []string) *Guard {
	g := &Guard{tokens: map[rune][]string{}}
	for _, text := range control {
		first, size := utf8.DecodeRuneInString(text)
		if size == len(text) || !slices.Contains(g.firsts, first) && len(g.firsts) == standIns {
			continue // a single character is in any text
		}
		if g.tokens[first] == nil {
			g.firsts = append(g.firsts, first)
		}
		g.tokens[first] = append(g.tokens[first], text)
	}
	if len(g.firsts) == 0 {
		return nil
	}
	for _, texts := range g.tokens {
		slices.SortFunc(texts, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	}
	return g
}

// at returns the control token that text begins with, "" when there is none.
func (g *Guard) at(first rune, text string) string {
	for _, token := range g.tokens[first] {
		if strings.HasPrefix(text, token) {
			return token
		}
	}
	return ""
}

// cover puts stand-ins into a text. Stand-ins that it brings itself are replaced.
func (g *Guard) cover(text string) string {
	if g == nil {
		return text
	}
	var out strings.Builder
	done := 0
	for i, r := range text {
		switch {
		case isStandIn(r):
			out.WriteString(text[done:i])
			out.WriteRune(utf8.RuneError)
			done = i + utf8.RuneLen(r)
		case g.tokens[r] != nil && g.at(r, text[i:]) != "":
			out.WriteString(text[done:i])
			out.WriteRune(standIn + rune(slices.Index(g.firsts, r)))
			done = i + utf8.RuneLen(r)
		}
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

// coverValue puts stand-ins into all texts of a template's value.
func (g *Guard) coverValue(v any) any {
	switch v := v.(type) {
	case string:
		return g.cover(v)
	case list:
		for i := range v {
			v[i] = g.coverValue(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = g.coverValue(v[k])
		}
	case *exec.Dict:
		for _, p := range v.Pairs {
			p.Key = exec.AsValue(g.coverValue(p.Key.Interface()))
			p.Value = exec.AsValue(g.coverValue(p.Value.Interface()))
		}
	}
	return v
}

// segments puts the characters back and cuts the text around them.
func (g *Guard) segments(text string) []Segment {
	if g == nil || strings.IndexFunc(text, isStandIn) < 0 {
		return []Segment{{Text: text}}
	}
	var out []Segment
	for text != "" {
		i := strings.IndexFunc(text, isStandIn)
		if i < 0 {
			return append(out, Segment{Text: text})
		}
		if i > 0 {
			out = append(out, Segment{Text: text[:i]})
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		first := g.firsts[int(r-standIn)%len(g.firsts)]
		whole := string(first) + text[i+size:]
		literal := cmp.Or(g.at(first, whole), string(first))
		out = append(out, Segment{Text: literal, Literal: true})
		text = whole[len(literal):]
	}
	return out
}

// plain puts the characters back.
func (g *Guard) plain(text string) string {
	var out strings.Builder
	for _, s := range g.segments(text) {
		out.WriteString(s.Text)
	}
	return out.String()
}

func isStandIn(r rune) bool { return r >= standIn && r < standIn+standIns }
