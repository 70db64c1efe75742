package grammar

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// literal reads "...".
func (p *parser) literal() expr {
	start := p.pos
	var text strings.Builder
	for p.pos++; p.err == nil; {
		switch {
		case p.pos == len(p.src):
			p.fail(start, "a literal without an end")
		case p.skip(`"`):
			return literal(text.String())
		default:
			text.WriteRune(p.char())
		}
	}
	return nil
}

// class reads [...] or [^...].
func (p *parser) class() expr {
	start := p.pos
	p.pos++
	negated := p.skip("^")
	var ranges []runes
	for p.err == nil {
		if p.pos == len(p.src) {
			p.fail(start, "a character class without an end")
			break
		}
		if p.skip("]") {
			c := newClass(ranges)
			if negated {
				c = c.not()
			}
			if len(c) == 0 {
				p.fail(start, "a character class that matches nothing")
			}
			return c
		}
		at := p.pos
		r := runes{from: p.char()}
		r.to = r.from
		if rest := p.src[p.pos:]; len(rest) > 1 && rest[0] == '-' && rest[1] != ']' {
			p.pos++
			if r.to = p.char(); p.err == nil && r.to < r.from {
				p.fail(at, "a range of characters that ends before it begins")
			}
		}
		ranges = append(ranges, r)
	}
	return nil
}

// char reads a character of a literal or a class, escaped or not.
func (p *parser) char() rune {
	start := p.pos
	if !p.skip(`\`) {
		r, size := utf8.DecodeRuneInString(p.src[p.pos:])
		p.pos += size
		return r
	}
	if p.pos == len(p.src) {
		p.fail(start, "an escape without an end")
		return 0
	}
	c := p.src[p.pos]
	p.pos++
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case '\\', '"', '[', ']', '-', '^':
		return rune(c)
	case 'x':
		return p.hex(start, 2)
	case 'u':
		return p.hex(start, 4)
	case 'U':
		return p.hex(start, 8)
	}
	p.fail(start, "unknown escape %s", p.src[start:p.pos])
	return 0
}

// hex reads the digits of an escape that began at start.
func (p *parser) hex(start, digits int) rune {
	end := p.pos + digits
	if end > len(p.src) {
		p.fail(start, "an escape of fewer than %d digits", digits)
		return 0
	}
	v, err := strconv.ParseUint(p.src[p.pos:end], 16, 32)
	if err != nil {
		p.fail(start, "an escape of fewer than %d digits", digits)
		return 0
	}
	p.pos = end
	if v > utf8.MaxRune || surrogateFrom <= v && v <= surrogateTo {
		p.fail(start, "%s is not a character", p.src[start:end])
		return 0
	}
	return rune(v)
}
