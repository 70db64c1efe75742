package grammar

import (
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// plainClass is what a JSON string holds without an escape.
var plainClass = classOf('"', '\\').not().and(class{{0x20, utf8.MaxRune}})

func classOf(members ...rune) class {
	ranges := make([]runes, len(members))
	for i, r := range members {
		ranges[i] = runes{r, r}
	}
	return newClass(ranges)
}

// visitPattern is strings that match a regular expression.
func (c *converter) visitPattern(pattern, pointer, name string) (string, error) {
	re, err := syntax.Parse(perlEscapes(pattern), syntax.Perl)
	if err != nil {
		return "", schemaErrorf(pointer, "%q %q: %v", "pattern", pattern, err)
	}
	p := patternWriter{c: c}
	body := p.whole(re)
	if p.unsupported != "" {
		return "", schemaErrorf(pointer, "%q %q: %s not supported", "pattern", pattern, p.unsupported)
	}
	return c.define(name, `"\"" `+body+` "\""`), nil
}

// perlEscapes turns \uXXXX, which ECMAScript has, into \x{XXXX}.
func perlEscapes(pattern string) string {
	var out strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '\\' || i+1 == len(pattern) {
			out.WriteByte(pattern[i])
			continue
		}
		if hex := pattern[i+2:]; pattern[i+1] == 'u' && len(hex) >= 4 && isHex(hex[:4]) {
			out.WriteString(`\x{` + hex[:4] + `}`)
			i += 5
			continue
		}
		out.WriteString(pattern[i : i+2])
		i++
	}
	return out.String()
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }

// patternWriter writes the expression of a regular expression, for what is between the quotes.
type patternWriter struct {
	c           *converter
	unsupported string // what is, if anything
}

func (p *patternWriter) fail(what string) string {
	p.unsupported = what
	return `""`
}

// whole writes an expression that may be anchored. Where it is not, anything may stand.
func (p *patternWriter) whole(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpCapture:
		return p.whole(re.Sub[0])
	case syntax.OpAlternate:
		return p.each(re.Sub, p.whole)
	}
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	anything := p.c.common("char") + "*"
	before, after := anything, anything // an empty expression where there is an anchor
	for len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		before, parts = "", parts[1:]
	}
	for len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText {
		after, parts = "", parts[:len(parts)-1]
	}
	items := []string{before}
	for _, part := range parts {
		items = append(items, p.inner(part))
	}
	return strings.Join(append(items, after), " ")
}

func (p *patternWriter) each(subs []*syntax.Regexp, write func(*syntax.Regexp) string) string {
	var alternatives []string
	for _, sub := range subs {
		alternatives = append(alternatives, write(sub))
	}
	return either(alternatives)
}

// inner writes an expression without anchors.
func (p *patternWriter) inner(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return `""`
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return p.fail("ignoring case is")
		}
		var text strings.Builder
		for _, r := range re.Rune {
			text.WriteString(encodeRune(r))
		}
		return quote(text.String())
	case syntax.OpCharClass:
		var ranges []runes
		for i := 0; i+1 < len(re.Rune); i += 2 {
			ranges = append(ranges, runes{re.Rune[i], re.Rune[i+1]})
		}
		return p.class(newClass(ranges))
	case syntax.OpAnyCharNotNL:
		return p.class(classOf('\n', '\r', '\u2028', '\u2029').not())
	case syntax.OpAnyChar:
		return p.class(anyRune)
	case syntax.OpCapture:
		return p.inner(re.Sub[0])
	case syntax.OpConcat:
		var items []string
		for _, sub := range re.Sub {
			items = append(items, p.inner(sub))
		}
		return "( " + strings.Join(items, " ") + " )"
	case syntax.OpAlternate:
		return p.each(re.Sub, p.inner)
	case syntax.OpStar:
		return p.inner(re.Sub[0]) + "*"
	case syntax.OpPlus:
		return p.inner(re.Sub[0]) + "+"
	case syntax.OpQuest:
		return p.inner(re.Sub[0]) + "?"
	case syntax.OpRepeat:
		return p.inner(re.Sub[0]) + repetition(re.Min, re.Max, re.Max < 0)
	case syntax.OpBeginText, syntax.OpEndText:
		return p.fail("an anchor inside of it is")
	case syntax.OpBeginLine, syntax.OpEndLine:
		return p.fail("matching by lines is")
	case syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return p.fail("a word boundary is")
	default:
		return p.fail("an expression that matches nothing is")
	}
}

// class writes a character of a class, escaped where JSON needs it.
func (p *patternWriter) class(c class) string {
	var alternatives []string
	if plain := c.and(plainClass); len(plain) > 0 {
		alternatives = append(alternatives, bracket(plain))
	}
	for _, r := range c.and(plainClass.not()) {
		for at := r.from; at <= r.to; at++ {
			alternatives = append(alternatives, quote(encodeRune(at)))
		}
	}
	if len(alternatives) == 0 {
		return p.fail("a class that matches nothing is")
	}
	return either(alternatives)
}
