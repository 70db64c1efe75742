package grammar

import (
	"slices"
	"unicode/utf8"
)

// rule is a rule as it was written.
type rule struct {
	name string
	at   position
	body expr
}

// expr is one of literal, class, reference, sequence, choice and repeat.
type expr interface{}

type (
	literal   string
	sequence  []expr
	choice    []expr
	class     []runes // sorted, apart, no surrogates: what it matches, negation resolved
	reference struct {
		name string
		at   position
	}
	repeat struct {
		of       expr
		min, max int // max < 0: no limit
	}
)

// runes is a range of code points, both ends included.
type runes struct{ from, to rune }

const (
	surrogateFrom = 0xD800
	surrogateTo   = 0xDFFF
)

// anyRune is every code point that UTF-8 can encode.
var anyRune = class{{0, surrogateFrom - 1}, {surrogateTo + 1, utf8.MaxRune}}

// newClass sorts and merges ranges and leaves surrogates out.
func newClass(ranges []runes) class {
	slices.SortFunc(ranges, func(a, b runes) int { return int(a.from - b.from) })
	var merged class
	for _, r := range ranges {
		if n := len(merged); n > 0 && r.from <= merged[n-1].to+1 {
			merged[n-1].to = max(merged[n-1].to, r.to)
			continue
		}
		merged = append(merged, r)
	}
	return merged.and(anyRune)
}

// and is the intersection.
func (c class) and(d class) class {
	var both class
	for len(c) > 0 && len(d) > 0 {
		from, to := max(c[0].from, d[0].from), min(c[0].to, d[0].to)
		if from <= to {
			both = append(both, runes{from, to})
		}
		if c[0].to < d[0].to {
			c = c[1:]
		} else {
			d = d[1:]
		}
	}
	return both
}

// not is the complement.
func (c class) not() class {
	var rest class
	next := rune(0)
	for _, r := range c {
		if next < r.from {
			rest = append(rest, runes{next, r.from - 1})
		}
		next = r.to + 1
	}
	if next <= utf8.MaxRune {
		rest = append(rest, runes{next, utf8.MaxRune})
	}
	return rest.and(anyRune)
}
