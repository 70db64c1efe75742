package grammar

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// FromJSONSchema turns a JSON schema into GBNF. Everything that the grammar matches is JSON that
// the schema allows, but for two exceptions: branches of oneOf are alternatives as those of anyOf
// are, so they must exclude each other; and a $ref is followed within the document only.
//
// The grammar does not match all that the schema allows:
//
//   - Properties come in the order of the schema. Where it declares properties and does not say
//     additionalProperties, there are no others; likewise for prefixItems without items.
//   - Between tokens there is no space, or a single one, or one line break and up to 20 spaces of
//     indentation; after a colon at most one space. So a model can neither wander off in
//     whitespace nor is it forced to write on one line.
//   - Integers without bounds have up to 18 digits, fractions up to 15, exponents up to 2, and
//     numbers with bounds have no exponent.
//   - Values of enum and const, names of properties and strings with a pattern are written with
//     the fewest escapes.
//
// Supported are type (one or several), enum, const, properties, required, additionalProperties,
// items, prefixItems, minItems, maxItems, minLength, maxLength, pattern, format, minimum,
// maximum, exclusiveMinimum, exclusiveMaximum, anyOf, oneOf, allOf (merged), and $ref into the
// document, recursive ones too. A schema without type that has keywords of some types allows
// those types. Patterns are regular expressions without look-around, back references and word
// boundaries. Formats are date, time, date-time, duration, email, hostname, ipv4, uuid.
// Annotations and keywords that begin with "x-" are ignored.
//
// Errors are base.ErrInvalid; they name the JSON pointer, and the keyword that is not supported
// or cannot be satisfied.
func FromJSONSchema(schema string) (string, error) {
	if len(schema) > maxSource {
		return "", schemaErrorf("#", "%d bytes long, the limit is %d", len(schema), maxSource)
	}
	document, err := decodeJSON(schema)
	if err != nil {
		return "", schemaErrorf("#", "not valid JSON: %v", err)
	}
	c := &converter{
		document: document,
		names:    map[string]bool{Root: true},
		numbers:  map[string]int{},
		refs:     map[string]string{},
		direct:   map[string]bool{},
	}
	root, err := c.visit(document, "#", Root)
	if err != nil {
		return "", err
	}
	c.add(Root, root)
	return c.text(), nil
}

// Limits of a schema.
const (
	maxRules       = 20_000
	maxVisited     = 50_000 // schemas, as they are written out
	maxSchemaDepth = 100    // of schemas in schemas, as they are written out
)

// converter writes the rules of a document.
type converter struct {
	document any
	names    map[string]bool // of rules
	numbers  map[string]int  // given to names that were taken
	rules    []string        // in the order of their end
	shared   []string        // common rules
	size     int             // of rules in bytes
	refs     map[string]string
	refOrder []string        // of refs
	direct   map[string]bool // refs being followed since the last object or array began
	depth    int
	visited  int
}

// schemaErrorf is an error at a JSON pointer.
func schemaErrorf(pointer, format string, args ...any) error {
	return fmt.Errorf("%w: JSON schema, at %s: %s", base.ErrInvalid, pointer, fmt.Sprintf(format, args...))
}

// neverError says that no value satisfies a schema. It matters only where there is no other way.
type neverError struct{ err error }

func (e *neverError) Error() string { return e.err.Error() }
func (e *neverError) Unwrap() error { return e.err }

func neverf(pointer, format string, args ...any) error {
	return &neverError{schemaErrorf(pointer, "no value is possible: "+format, args...)}
}

func isNever(err error) bool {
	var never *neverError
	return errors.As(err, &never)
}

// text returns the grammar, the root first.
func (c *converter) text() string {
	var text strings.Builder
	for _, r := range slices.Backward(c.rules) {
		text.WriteString(r)
	}
	for _, r := range slices.Backward(c.shared) {
		text.WriteString(r)
	}
	return text.String()
}

// add adds a rule.
func (c *converter) add(name, body string) {
	r := name + " ::= " + body + "\n"
	c.rules = append(c.rules, r)
	c.size += len(r)
}

// define adds a rule under a free name and returns it.
func (c *converter) define(name, body string) string {
	name = c.name(name)
	c.add(name, body)
	return name
}

// name reserves a free name like the one given.
func (c *converter) name(like string) string {
	clean := strings.Map(func(r rune) rune {
		if r < 0x80 && isWord(byte(r)) {
			return r
		}
		return '-'
	}, like)
	if len(clean) > 80 {
		clean = clean[:80]
	}
	name := clean
	for c.names[name] {
		c.numbers[clean]++
		name = fmt.Sprintf("%s-%d", clean, c.numbers[clean]+1)
	}
	c.names[name] = true
	return name
}

// count counts a schema that is written out, and checks that the whole stays within its limits.
func (c *converter) count(pointer string) error {
	if c.visited++; c.visited > maxVisited || len(c.rules) > maxRules || c.size > maxSource/2 {
		return schemaErrorf(pointer, "the schema is too large when its references are written out")
	}
	return nil
}

// either joins alternatives to something that can stand in a sequence.
func either(alternatives []string) string {
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return "(" + strings.Join(alternatives, " | ") + ")"
}
