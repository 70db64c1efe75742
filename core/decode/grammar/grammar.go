// Package grammar constrains what a model writes: GBNF, the grammar language of llama.cpp, and
// JSON schemas, which become GBNF.
//
// # From text to masks
//
// [Parse] compiles a grammar to a small program over bytes: a set of bytes to read, a choice, a
// call of a rule, a return. Character classes become the byte ranges of their UTF-8 encodings,
// so a token may begin or end inside a character. A [Grammar] is immutable and may be shared.
//
// A [Matcher] is where a text stands in its grammar: the set of all stacks of rules that the
// bytes so far can have led to. Stacks share their tails, and equal sets are one state, so the
// matcher is a finite automaton that is built as it is used: the second time that a byte is read
// in a state costs an array lookup. The mask of the tokens that may come next is found by one
// walk over the trie of the [Vocabulary] and is kept for the state.
//
// # Language
//
// All of GBNF but references to tokens: rules, alternates, groups, literals and classes with
// their escapes, ".", "*", "+", "?", "{m}", "{m,}", "{m,n}" and comments, beginning with the
// rule "root". A "\x" escape names a code point, not a byte. Left recursion is an error.
//
// # Limits
//
// A grammar or schema may come from anyone. Its size, its program, the stacks of a state, their
// depth and what is kept of states and masks are bounded. A grammar over a limit is refused by
// Parse; a token that would lead to a state over a limit is not allowed.
package grammar

import (
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Limits of a grammar.
const (
	maxSource  = 1 << 20 // bytes
	maxNesting = 200     // groups in groups
	maxRepeat  = 10_000  // m and n of {m,n}
	maxNodes   = 1 << 18 // of the program
)

// Root is the rule that a grammar starts from.
const Root = "root"

// Grammar is a compiled grammar. It is immutable and safe for concurrent use.
type Grammar struct {
	program program
}

// Parse compiles GBNF. Errors are base.ErrInvalid and begin with line:column.
func Parse(gbnf string) (*Grammar, error) {
	rules, err := parse(gbnf)
	if err != nil {
		return nil, err
	}
	p, err := compile(rules)
	if err != nil {
		return nil, err
	}
	return &Grammar{program: p}, nil
}

// position is a place in the source, both from 1; columns count bytes.
type position struct{ line, column int }

func (p position) errorf(format string, args ...any) error {
	return fmt.Errorf("%w: grammar, %d:%d: %s", base.ErrInvalid, p.line, p.column, fmt.Sprintf(format, args...))
}
