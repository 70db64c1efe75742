package grammar

import (
	"fmt"
	"strings"
)

// Rules that any schema may use. Each names those that it needs.
var commonRules = map[string]struct {
	body  string
	needs []string
}{
	"ws":     {`( " " | "\n" " "{0,20} )?`, nil},
	"char":   {`[^"\\\x00-\x1F] | "\\" ( ["\\/bfnrt] | "u" escaped )`, []string{"escaped"}},
	"plain":  {`[^"\\\x00-\x1F]`, nil},
	"hex":    {`[0-9a-fA-F]`, nil},
	"string": {`"\"" char* "\""`, []string{"char"}},
	// Half of a surrogate pair is never alone.
	"escaped": {`[0-9a-cA-CefEF] hex{3} | [dD] [0-7] hex{2} | [dD] [89abAB] hex{2} "\\u" [dD] [c-fC-F] hex{2}`, []string{"hex"}},
	"integer": {`"0" | "-"? [1-9] [0-9]{0,17}`, nil},
	"number":  {`"-"? ( "0" | [1-9] [0-9]{0,17} ) ( "." [0-9]{1,15} )? ( [eE] [-+]? [0-9]{1,2} )?`, nil},
	"object":  {`"{" ws ( string ":" " "? value ( "," ws string ":" " "? value )* ws )? "}"`, []string{"ws", "string", "value"}},
	"array":   {`"[" ws ( value ( "," ws value )* ws )? "]"`, []string{"ws", "value"}},
	"value":   {`object | array | string | number | "true" | "false" | "null"`, []string{"object", "array", "string", "number"}},
}

// common returns the name of a common rule, which is added when it is first used. No other rule
// has such a name, because theirs begin with that of the root or of a format.
func (c *converter) common(name string) string {
	if !c.names[name] {
		c.names[name] = true
		r := commonRules[name]
		for _, n := range r.needs {
			c.common(n)
		}
		c.shared = append(c.shared, name+" ::= "+r.body+"\n")
	}
	return name
}

// quote writes text as a literal.
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r < 0x20 || r == 0x7F:
			fmt.Fprintf(&out, `\x%02X`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// bracket writes a class.
func bracket(c class) string {
	var out strings.Builder
	write := func(r rune) {
		switch {
		case r == '[' || r == ']' || r == '\\' || r == '^' || r == '-':
			// Numbers, because not every reader of GBNF knows these escaped by themselves.
			fmt.Fprintf(&out, `\x%02X`, r)
		case r > 0x20 && r < 0x7F:
			out.WriteRune(r)
		case r <= 0xFF:
			fmt.Fprintf(&out, `\x%02X`, r)
		case r <= 0xFFFF:
			fmt.Fprintf(&out, `\u%04X`, r)
		default:
			fmt.Fprintf(&out, `\U%08X`, r)
		}
	}
	out.WriteByte('[')
	for _, r := range c {
		write(r.from)
		if r.to > r.from {
			out.WriteByte('-')
			write(r.to)
		}
	}
	out.WriteByte(']')
	return out.String()
}
