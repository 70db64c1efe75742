package channel

import (
	"errors"
	"fmt"
	"strconv"
)

// ErrSyntax is what every *SyntaxError is.
var ErrSyntax = errors.New("not a channel id")

// SyntaxError says where a text stops being a channel id.
type SyntaxError struct {
	Input    string
	Offset   int    // of the first byte that does not fit, from 0; len(Input) when the text ends too soon
	Expected string // what would have fitted
}

// Error names the place, what was found and what was expected.
func (e *SyntaxError) Error() string {
	found := "the end"
	if e.Offset < len(e.Input) {
		found = strconv.Quote(firstWord(e.Input[e.Offset:]))
	}
	return fmt.Sprintf("channel id %q: at character %d: expected %s, found %s",
		e.Input, 1+len([]rune(e.Input[:e.Offset])), e.Expected, found)
}

// Is makes errors.Is(err, ErrSyntax) true.
func (e *SyntaxError) Is(target error) bool { return target == ErrSyntax }

// Lengths and ranges of the parts of an id.
const (
	MaxShort    = 96
	MaxPart     = 32
	MaxQ        = 32767
	MaxBoundary = 999
)

// Parse reads a channel id. Errors are *SyntaxError.
func Parse(s string) (ID, error) {
	p := parser{in: s}
	var id ID
	var err error
	if id.Short, err = p.word("a short name (a-z, 0-9, \".\", \"_\", \"-\")", MaxShort, isLetterOrDigit, isShort); err != nil {
		return ID{}, err
	}
	if p.take(':') {
		if id.Backend, err = p.word("the name of a backend (a-z, 0-9, \"_\", \"-\"; first a letter)", MaxPart, isLetter, isName); err != nil {
			return ID{}, err
		}
	}
	if p.take('@') {
		if id.Codec, err = p.codec(); err != nil {
			return ID{}, err
		}
	}
	if p.take('+') {
		if id.Drafter, err = p.word("the name of a drafter (a-z, 0-9, \"_\", \"-\"; first a letter)", MaxPart, isLetter, isName); err != nil {
			return ID{}, err
		}
	}
	if p.pos < len(s) {
		return ID{}, p.fail(p.follow(id))
	}
	return id, nil
}

// parser walks an id from left to right.
type parser struct {
	in  string
	pos int
}

func (p *parser) fail(expected string) error {
	return &SyntaxError{Input: p.in, Offset: p.pos, Expected: expected}
}

func (p *parser) take(c byte) bool {
	if p.pos < len(p.in) && p.in[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// word reads the longest run of bytes in rest that begins with one in first and ends with a
// letter or a digit.
func (p *parser) word(what string, most int, first, rest func(byte) bool) (string, error) {
	start := p.pos
	if start == len(p.in) || !first(p.in[start]) {
		return "", p.fail(what)
	}
	for p.pos < len(p.in) && rest(p.in[p.pos]) {
		if p.pos-start == most {
			return "", p.fail(fmt.Sprintf("no more than %d characters here", most))
		}
		p.pos++
	}
	if last := p.in[p.pos-1]; !isLetterOrDigit(last) {
		return "", p.fail(fmt.Sprintf("a letter or a digit after %q", string(last)))
	}
	return p.in[start:p.pos], nil
}

func (p *parser) codec() (CodecID, error) {
	c := CodecID{Boundary: Unset}
	var err error
	if c.Name, err = p.word("the name of a codec (a-z, 0-9, \"_\"; first a letter)", MaxPart, isLetter, isCodec); err != nil {
		return CodecID{}, err
	}
	if !p.take('-') || !p.take('q') {
		return CodecID{}, p.fail("\"-q\" and the codec's range, as in @e8-q38")
	}
	if c.Q, err = p.number("a range", 1, MaxQ); err != nil {
		return CodecID{}, err
	}
	if p.take('-') {
		if !p.take('b') {
			return CodecID{}, p.fail("\"b\" and a boundary, as in -b2")
		}
		if c.Boundary, err = p.number("a boundary", 0, MaxBoundary); err != nil {
			return CodecID{}, err
		}
	}
	return c, nil
}

func (p *parser) number(what string, least, most int) (int, error) {
	expected := fmt.Sprintf("%s from %d to %d", what, least, most)
	start := p.pos
	n := 0
	for p.pos < len(p.in) && isDigit(p.in[p.pos]) {
		if p.pos > start && n == 0 {
			return 0, &SyntaxError{Input: p.in, Offset: start, Expected: expected + " without leading zeros"}
		}
		if n = n*10 + int(p.in[p.pos]-'0'); n > most {
			return 0, &SyntaxError{Input: p.in, Offset: start, Expected: expected}
		}
		p.pos++
	}
	if p.pos == start || n < least {
		p.pos = start
		return 0, p.fail(expected)
	}
	return n, nil
}

// follow says what may come at the place where a complete id was followed by something else.
func (p *parser) follow(id ID) string {
	switch {
	case id.Drafter != "":
		return "the end"
	case !id.Codec.IsZero() && id.Codec.Boundary != Unset:
		return "\"+\" and a drafter, or the end"
	case !id.Codec.IsZero():
		return "\"-b\" and a boundary, \"+\" and a drafter, or the end"
	case id.Backend != "":
		return "\"@\" and a codec, \"+\" and a drafter, or the end"
	}
	return "\":\" and a backend, \"@\" and a codec, \"+\" and a drafter, or the end"
}

func isDigit(c byte) bool         { return c >= '0' && c <= '9' }
func isLetter(c byte) bool        { return c >= 'a' && c <= 'z' }
func isLetterOrDigit(c byte) bool { return isLetter(c) || isDigit(c) }
func isCodec(c byte) bool         { return isLetterOrDigit(c) || c == '_' }
func isName(c byte) bool          { return isCodec(c) || c == '-' }
func isShort(c byte) bool         { return isName(c) || c == '.' }

// firstWord is what an error shows of the text that does not fit: a number, or one character.
func firstWord(s string) string {
	digits := 0
	for digits < min(len(s), 12) && isDigit(s[digits]) {
		digits++
	}
	if digits > 0 {
		return s[:digits]
	}
	for _, r := range s {
		return string(r)
	}
	return ""
}
