package grammar

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// parser reads GBNF. Its methods leave pos behind what they read; the first error stops it.
type parser struct {
	src     string
	lines   []int // offsets at which lines begin
	pos     int
	nesting int
	err     error
}

// parse returns the rules in the order of the source. That there is a root, and that all rules
// that are referred to exist, is checked.
func parse(src string) ([]rule, error) {
	p := &parser{src: src, lines: []int{0}}
	for i := range len(src) {
		if src[i] == '\n' {
			p.lines = append(p.lines, i+1)
		}
	}
	if len(src) > maxSource {
		return nil, p.at(0).errorf("%d bytes long, the limit is %d", len(src), maxSource)
	}
	if !utf8.ValidString(src) {
		return nil, p.at(invalidAt(src)).errorf("not valid UTF-8")
	}
	var rules []rule
	defined := map[string]position{}
	var used []reference
	for p.space(true); p.pos < len(src) && p.err == nil; p.space(true) {
		r := p.rule(&used)
		if first, twice := defined[r.name]; twice && p.err == nil {
			return nil, r.at.errorf("rule %q is defined twice, first at %d:%d", r.name, first.line, first.column)
		}
		defined[r.name] = r.at
		rules = append(rules, r)
	}
	if p.err != nil {
		return nil, p.err
	}
	for _, u := range used {
		if _, ok := defined[u.name]; !ok {
			return nil, u.at.errorf("rule %q is not defined", u.name)
		}
	}
	if _, ok := defined[Root]; !ok {
		return nil, p.at(len(src)).errorf("there is no rule %q", Root)
	}
	return rules, nil
}

func invalidAt(s string) int {
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			return i
		}
	}
	return len(s)
}

// rule reads name ::= alternates, up to and with the end of its line.
func (p *parser) rule(used *[]reference) rule {
	start := p.pos
	r := rule{at: p.at(start), name: p.word()}
	if r.name == "" {
		p.fail(start, "expected the name of a rule, found %s", p.found())
		return r
	}
	p.space(false)
	if !p.skip("::=") {
		p.fail(p.pos, "expected ::= after %q, found %s", r.name, p.found())
		return r
	}
	p.space(true)
	r.body = p.alternates(used, false)
	if p.err == nil && p.pos < len(p.src) && !p.newline() {
		p.fail(p.pos, "expected the end of the rule %q, found %s", r.name, p.found())
	}
	return r
}

// alternates reads sequences parted by "|". Outside of groups a line that begins with "|" goes
// on with the rule of the line before.
func (p *parser) alternates(used *[]reference, nested bool) expr {
	alternates := choice{p.sequence(used, nested)}
	for p.err == nil {
		if !nested {
			p.spaceBefore('|')
		}
		if !p.skip("|") {
			break
		}
		p.space(true)
		alternates = append(alternates, p.sequence(used, nested))
	}
	if len(alternates) == 1 {
		return alternates[0]
	}
	return alternates
}

// sequence reads symbols with their repetitions. It may be empty.
func (p *parser) sequence(used *[]reference, nested bool) expr {
	var items sequence
	for p.err == nil && p.pos < len(p.src) {
		var item expr
		switch c := p.src[p.pos]; {
		case c == '"':
			item = p.literal()
		case c == '[':
			item = p.class()
		case c == '.':
			p.pos++
			item = anyRune
		case c == '(':
			item = p.group(used)
		case isWord(c):
			ref := reference{at: p.at(p.pos), name: p.word()}
			*used = append(*used, ref)
			item = ref
		case c == '<' || c == '!':
			p.fail(p.pos, "references to tokens are not supported")
		case c == '*' || c == '+' || c == '?' || c == '{':
			p.fail(p.pos, "nothing to repeat before %q", c)
		}
		if item == nil {
			break
		}
		p.space(nested)
		items = append(items, p.repetitions(item, nested))
	}
	if len(items) == 1 {
		return items[0]
	}
	return items
}

func (p *parser) group(used *[]reference) expr {
	start := p.pos
	if p.nesting++; p.nesting > maxNesting {
		p.fail(start, "groups are nested deeper than %d", maxNesting)
		return nil
	}
	p.pos++
	p.space(true)
	e := p.alternates(used, true)
	if p.err == nil && !p.skip(")") {
		p.fail(p.pos, "expected ) for the group that begins at %d:%d, found %s", p.at(start).line, p.at(start).column, p.found())
	}
	p.nesting--
	return e
}

// repetitions reads any of * + ? {m} {m,} {m,n} that follow an item, and the space after each.
func (p *parser) repetitions(item expr, nested bool) expr {
	for n := 0; p.err == nil && p.pos < len(p.src); n++ {
		r := repeat{of: item}
		switch p.src[p.pos] {
		case '*':
			r.min, r.max = 0, -1
			p.pos++
		case '+':
			r.min, r.max = 1, -1
			p.pos++
		case '?':
			r.min, r.max = 0, 1
			p.pos++
		case '{':
			r.min, r.max = p.bounds()
		default:
			return item
		}
		if n == maxNesting {
			p.fail(p.pos, "more than %d repetitions of a repetition", maxNesting)
		}
		p.space(nested)
		item = r
	}
	return item
}

// bounds reads {m}, {m,} or {m,n}.
func (p *parser) bounds() (least, most int) {
	start := p.pos
	p.pos++
	p.space(true)
	least = p.number()
	p.space(true)
	most = least
	if p.skip(",") {
		p.space(true)
		most = -1
		if p.pos < len(p.src) && isDigit(p.src[p.pos]) {
			most = p.number()
		}
		p.space(true)
	}
	if p.err == nil && !p.skip("}") {
		p.fail(p.pos, "expected }, found %s", p.found())
	}
	if p.err == nil && most >= 0 && most < least {
		p.fail(start, "repetition of at least %d and at most %d", least, most)
	}
	return least, most
}

// number reads the digits of a repetition count.
func (p *parser) number() int {
	start := p.pos
	n := 0
	for p.pos < len(p.src) && isDigit(p.src[p.pos]) {
		n = n*10 + int(p.src[p.pos]-'0')
		if p.pos++; n > maxRepeat {
			p.fail(start, "repetition count over the limit of %d", maxRepeat)
			return 0
		}
	}
	if p.pos == start {
		p.fail(start, "expected a number, found %s", p.found())
	}
	return n
}

// word reads the name of a rule, or nothing.
func (p *parser) word() string {
	start := p.pos
	for p.pos < len(p.src) && isWord(p.src[p.pos]) {
		p.pos++
	}
	return p.src[start:p.pos]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || c == '-' || c == '_'
}

// space skips blanks and comments, and the ends of lines too when asked.
func (p *parser) space(lines bool) {
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == ' ' || c == '\t':
			p.pos++
		case c == '#':
			for p.pos < len(p.src) && p.src[p.pos] != '\n' && p.src[p.pos] != '\r' {
				p.pos++
			}
		case lines && (c == '\n' || c == '\r'):
			p.pos++
		default:
			return
		}
	}
}

// spaceBefore skips space with the ends of lines if c comes after it.
func (p *parser) spaceBefore(c byte) {
	start := p.pos
	p.space(true)
	if p.pos == len(p.src) || p.src[p.pos] != c {
		p.pos = start
	}
}

func (p *parser) newline() bool { return p.skip("\r\n") || p.skip("\n") || p.skip("\r") }

func (p *parser) skip(text string) bool {
	if !strings.HasPrefix(p.src[p.pos:], text) {
		return false
	}
	p.pos += len(text)
	return true
}

// found describes what comes next, for errors.
func (p *parser) found() string {
	if p.pos >= len(p.src) {
		return "the end"
	}
	r, _ := utf8.DecodeRuneInString(p.src[p.pos:])
	if r == '\n' || r == '\r' {
		return "the end of the line"
	}
	return "'" + string(r) + "'"
}

func (p *parser) at(offset int) position {
	line, found := slices.BinarySearch(p.lines, offset)
	if !found {
		line--
	}
	return position{line: line + 1, column: offset - p.lines[line] + 1}
}

func (p *parser) fail(offset int, format string, args ...any) {
	if p.err == nil {
		p.err = p.at(offset).errorf(format, args...)
	}
}
