package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ErrInvalid is what every *Error is.
var ErrInvalid = errors.New("invalid configuration")

// Problem is one thing that is wrong.
type Problem struct {
	Source  string // the file, "environment variable KAKEYAD_X", "flag --x" or "default"
	Line    int    // in the file, from 1; 0 when Source is no file or the place is not known
	Column  int
	Key     []string // empty when the file cannot be read at all
	Message string
}

// Error is all that is wrong with a configuration, in order of place.
type Error struct {
	Problems []Problem
}

// Error has a line for each problem: where, which key, what.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Is makes errors.Is(err, ErrInvalid) true.
func (e *Error) Is(target error) bool { return target == ErrInvalid }

// String is file:line:column: key: message.
func (p Problem) String() string {
	where := p.Source
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d:%d", p.Source, p.Line, p.Column)
	}
	if len(p.Key) > 0 {
		where += ": " + KeyString(p.Key)
	}
	return where + ": " + p.Message
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// KeyString joins the parts of a key by dots; parts that have dots or other marks are quoted.
func KeyString(key []string) string {
	parts := make([]string, len(key))
	for i, k := range key {
		if parts[i] = k; !plainKey.MatchString(k) {
			parts[i] = fmt.Sprintf("%q", k)
		}
	}
	return strings.Join(parts, ".")
}

// asError sorts problems and drops those told twice; nil when there are none.
func asError(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), slices.Compare(a.Key, b.Key))
	})
	problems = slices.CompactFunc(problems, func(a, b Problem) bool { return a.String() == b.String() })
	return &Error{Problems: problems}
}
