package answer

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/kakeyad/kakeyad/core/decode/grammar"
)

// maxCalls is how many calls in a row a grammar lets a model make.
const maxCalls = 16

// Thinking says whether an answer that a grammar binds may begin with thoughts.
type Thinking int

// The ways.
const (
	NoThoughts   Thinking = iota
	MayThink              // "<think>...</think>" may come first
	BegunToThink          // the prompt has opened the thoughts
)

// Grammar is GBNF of answers that are calls of the tools, and nothing else but thoughts. Errors are
// base.ErrInvalid and begin with the name of the tool at fault.
func (d *Dialect) Grammar(tools []Tool, single bool, thinking Thinking) (string, error) {
	b := &builder{}
	calls, err := d.grammar(b, tools, single)
	if err != nil {
		return "", err
	}
	return "root ::= " + opening(thinking) + calls + "\n" + b.rules.String() + thoughtRule(thinking), nil
}

// WithThoughts lets thoughts come before what a grammar describes.
func WithThoughts(gbnf string, thinking Thinking) string {
	if thinking == NoThoughts {
		return gbnf
	}
	return "root ::= " + opening(thinking) + "said-root\n" + renamed(gbnf, "said-") + "\n" + thoughtRule(thinking)
}

// opening is how such answers begin.
func opening(t Thinking) string {
	switch t {
	case MayThink:
		return `("<think>" thought)? `
	case BegunToThink:
		return "thought "
	}
	return ""
}

// thoughtRule matches up to the end tag and the white space after it.
func thoughtRule(t Thinking) string {
	if t == NoThoughts {
		return ""
	}
	return `thought ::= ([^<] | "<"+ [^</] | "<"+ "/" [^t])* "<"* "</think>" [ \n]*` + "\n"
}

// builder gathers the rules of a grammar.
type builder struct {
	rules strings.Builder
	n     int
}

// noArguments is the schema of a function that takes none.
const noArguments = `{"type":"object","properties":{},"additionalProperties":false}`

// schema adds the rules of a JSON schema and returns the name of the first.
func (b *builder) schema(tool string, schema json.RawMessage) (string, error) {
	text := string(schema)
	if text == "" || text == "{}" {
		text = noArguments
	}
	gbnf, err := grammar.FromJSONSchema(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", tool, err)
	}
	prefix := "t" + strconv.Itoa(b.n) + "-"
	b.n++
	b.rules.WriteString(renamed(gbnf, prefix))
	return prefix + grammar.Root, nil
}

// each joins what calls of the tools look like, given the rules of their arguments.
func (b *builder) each(tools []Tool, call func(t Tool, arguments string) string) (string, error) {
	calls := make([]string, len(tools))
	for i, t := range tools {
		arguments, err := b.schema(t.Name, t.Parameters)
		if err != nil {
			return "", err
		}
		calls[i] = call(t, arguments)
	}
	return either(calls), nil
}

// objects are calls as objects with the name and the arguments.
func (b *builder) objects(tools []Tool, key string) (string, error) {
	return b.each(tools, func(t Tool, arguments string) string {
		return quote(`{"name": "`+t.Name+`", "`+key+`": `) + " " + arguments + ` "}"`
	})
}

func either(alternatives []string) string { return "(" + strings.Join(alternatives, " | ") + ")" }

// repeated is one of something, or up to maxCalls.
func repeated(one, separator string, single bool) string {
	if single {
		return one
	}
	return fmt.Sprintf("%s (%s %s){0,%d}", one, separator, one, maxCalls-1)
}

// quote writes a literal.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// renamed puts a prefix before the names of all rules of a grammar.
func renamed(gbnf, prefix string) string {
	var out strings.Builder
	for i := 0; i < len(gbnf); {
		switch c := gbnf[i]; {
		case c == '"' || c == '[' || c == '{' || c == '#':
			end := tokenEnd(gbnf, i)
			out.WriteString(gbnf[i:end])
			i = end
		case isNameRune(rune(c)) && c != '.':
			end := i
			for end < len(gbnf) && isNameRune(rune(gbnf[end])) && gbnf[end] != '.' {
				end++
			}
			out.WriteString(prefix + gbnf[i:end])
			i = end
		default:
			out.WriteByte(c)
			i++
		}
	}
	return out.String()
}

// tokenEnd returns where a literal, class, count or comment ends that begins at i.
func tokenEnd(s string, i int) int {
	closing := map[byte]byte{'"': '"', '[': ']', '{': '}', '#': '\n'}[s[i]]
	for end := i + 1; end < len(s); end++ {
		switch {
		case s[end] == '\\' && (closing == '"' || closing == ']'):
			end++
		case s[end] == closing:
			return end + 1
		}
	}
	return len(s)
}

// Either matches what one of two grammars does.
func Either(a, b string) string {
	return "root ::= a-root | b-root\n" + renamed(a, "a-") + "\n" + renamed(b, "b-")
}
