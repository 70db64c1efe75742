package grammar

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// byteVocabulary has a token for each byte, and token 256 that ends.
var byteVocabulary = NewVocabulary(257,
	func(t backend.Token) []byte { return []byte{byte(t)} },
	func(t backend.Token) bool { return t == 256 })

// matches says whether a whole text is in the language of a grammar.
func matches(g *Grammar, text string) bool {
	m := g.Matcher(byteVocabulary)
	for _, b := range []byte(text) {
		if m.Accept(backend.Token(b)) != nil {
			return false
		}
	}
	return m.CanEnd()
}

func TestLanguage(t *testing.T) {
	tests := map[string]struct {
		grammar string
		in, out []string
	}{
		"literal":             {`root ::= "ab"`, []string{"ab"}, []string{"", "a", "abc", "b"}},
		"empty literal":       {`root ::= ""`, []string{""}, []string{"a"}},
		"empty rule":          {"root ::=\n", []string{""}, []string{"a"}},
		"escapes":             {`root ::= "\n\r\t\\\"\x41\u00e9\U0001F600\[\]"`, []string{"\n\r\t\\\"Aé😀[]"}, nil},
		"\\x is a code point": {`root ::= "\xe9"`, []string{"é"}, []string{"\xe9"}},
		"sequence":            {`root ::= "a" "b" "c"`, []string{"abc"}, []string{"ab"}},
		"alternates":          {`root ::= "a" | "bc" | `, []string{"a", "bc", ""}, []string{"b", "abc"}},
		"alternates on lines": {"root ::= \"a\"\n  | \"b\"\n", []string{"a", "b"}, []string{"ab"}},
		"group":               {`root ::= ("a" | "b") "c"`, []string{"ac", "bc"}, []string{"a", "c"}},
		"group over lines":    {"root ::= (\n\"a\" # one\n|\n\"b\"\n)\nx ::= \"c\"", []string{"a", "b"}, nil},
		"rules":               {"root ::= x y x\nx ::= \"a\"\ny::=\"b\"?", []string{"aba", "aa"}, []string{"ab"}},
		"rules over CRLF":     {"root ::= x\r\nx ::= \"a\"\r\n", []string{"a"}, []string{""}},
		"comments":            {"# first\nroot ::= \"#\" # last\n", []string{"#"}, nil},
		"star":                {`root ::= "ab"*`, []string{"", "ab", "abab"}, []string{"a", "aba"}},
		"plus":                {`root ::= [ab]+`, []string{"a", "abba"}, []string{"", "c"}},
		"optional":            {`root ::= "a"? "b"`, []string{"b", "ab"}, []string{"aab"}},
		"exactly":             {`root ::= "a"{2}`, []string{"aa"}, []string{"a", "aaa"}},
		"at least":            {`root ::= "a"{2,}`, []string{"aa", "aaaaa"}, []string{"a"}},
		"between":             {`root ::= ("ab" | "c"){ 1 , 3 }`, []string{"ab", "cc", "cabab"}, []string{"", "cccc"}},
		"none":                {`root ::= "a" "b"{0} "c"`, []string{"ac"}, []string{"abc"}},
		"stacked repetitions": {`root ::= "a"{2}*`, []string{"", "aa", "aaaa"}, []string{"a", "aaa"}},
		"nullable in star":    {`root ::= ("a"?)* "b"`, []string{"b", "aab"}, []string{"a"}},
		"class":               {`root ::= [a-cx]`, []string{"a", "c", "x"}, []string{"d", "-"}},
		"class escapes":       {`root ::= [\]\\\-\^\x30-\x32]`, []string{"]", "\\", "-", "^", "1"}, []string{"3", "x"}},
		"class ends in minus": {`root ::= [a-]`, []string{"a", "-"}, []string{"b"}},
		"negated class":       {`root ::= [^a-c"]`, []string{"d", "é", "😀", "\n", "\x00"}, []string{"a", `"`, "\xff", "\xed\xa0\x80", ""}},
		"class beyond ASCII":  {`root ::= [à-ý€😀-😂x]`, []string{"à", "ñ", "ý", "€", "😁", "x"}, []string{"ß", "þ", "₭", "😃", "y"}},
		"any character":       {`root ::= .`, []string{"a", "\n", "é", "€", "\U0010ffff"}, []string{"", "ab", "\xf4\x90\x80\x80", "\xc0\x80"}},
		"recursion":           {"root ::= \"(\" root \")\" | \"x\"", []string{"x", "((x))"}, []string{"(x", "(x))"}},
		"right recursion":     {"root ::= \"a\" root | \"b\"", []string{"b", strings.Repeat("a", 3*maxDepth) + "b"}, []string{"a"}},
		"names":               {"root ::= a-B_9\na-B_9 ::= \"x\"", []string{"x"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g, err := Parse(test.grammar)
			require.NoError(t, err)
			for _, text := range test.in {
				require.True(t, matches(g, text), "%q must match", text)
			}
			for _, text := range test.out {
				require.False(t, matches(g, text), "%q must not match", text)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := map[string]struct{ grammar, want string }{
		"empty":              {"", `1:1: there is no rule "root"`},
		"no root":            {"a ::= \"x\"\n", `2:1: there is no rule "root"`},
		"not a rule":         {"root ::= \"a\"\n  =", "2:3: expected the name of a rule, found '='"},
		"no definition":      {"root = \"a\"", `1:6: expected ::= after "root", found '='`},
		"undefined":          {"root ::= \"a\"\n  | b", `2:5: rule "b" is not defined`},
		"twice":              {"root ::= \"a\"\nroot ::= \"b\"", `2:1: rule "root" is defined twice, first at 1:1`},
		"open literal":       {"root ::= \"a", "1:10: a literal without an end"},
		"open class":         {"root ::= [a", "1:10: a character class without an end"},
		"empty class":        {"root ::= []", "1:10: a character class that matches nothing"},
		"reversed range":     {"root ::= [z-a]", "1:11: a range of characters that ends before it begins"},
		"open group":         {"root ::= (\"a\"", "1:14: expected ) for the group that begins at 1:10, found the end"},
		"stray parenthesis":  {"root ::= \"a\")", `1:13: expected the end of the rule "root", found ')'`},
		"stray operator":     {"root ::= *", "1:10: nothing to repeat before '*'"},
		"unknown escape":     {`root ::= "\q"`, `1:11: unknown escape \q`},
		"short escape":       {`root ::= "\x4"`, "1:11: an escape of fewer than 2 digits"},
		"surrogate":          {`root ::= "\ud800"`, `1:11: \ud800 is not a character`},
		"no count":           {`root ::= "a"{,2}`, "1:14: expected a number, found ','"},
		"reversed count":     {`root ::= "a"{3,2}`, "1:13: repetition of at least 3 and at most 2"},
		"huge count":         {`root ::= "a"{100000}`, "1:14: repetition count over the limit of 10000"},
		"huge program":       {`root ::= ((("a" "b" "c"){1000} "x" "y"){10000}  "p" [^a]{0,10000}){10000} ([^b]{0,10000} [^c]{10000} [^d]{10000} [^e]{10000}  [^e]{10000} [^e]{10000}  [^e]{10000}){10000}`, "1:1: the grammar is too large"},
		"token":              {`root ::= <think>`, "1:10: references to tokens are not supported"},
		"left recursion":     {`root ::= root "a" | "b"`, `1:1: rule "root" is left-recursive`},
		"far left recursion": {"root ::= \"x\" a\na ::= \"\"? b \"c\"\nb ::= (a | \"d\")+", `rule "`},
		"not UTF-8":          {"root ::= \"a\"\n# \xff", "2:3: not valid UTF-8"},
		"deep":               {"root ::= " + strings.Repeat("(", 1000), "1:210: groups are nested deeper than 200"},
		"long":               {strings.Repeat(" ", maxSource+1), "1:1: 1048577 bytes long, the limit is 1048576"},
		"ambiguous":          {ambiguous(16), "the grammar is too ambiguous"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(test.grammar)
			require.ErrorIs(t, err, base.ErrInvalid)
			require.ErrorContains(t, err, test.want)
		})
	}
}

// ambiguous returns a grammar that has 2^n ways to begin.
func ambiguous(n int) string {
	var g strings.Builder
	g.WriteString("root ::= r0\n")
	for i := range n {
		name := func(i int) string { return "r" + strings.Repeat("i", i) + "0" }
		g.WriteString(name(i)[0:1+i] + "0 ::= " + name(i+1) + " \"a\" | " + name(i+1) + " \"b\"\n")
	}
	g.WriteString("r" + strings.Repeat("i", n) + "0 ::= \"x\"\n")
	return g.String()
}

func TestMatcherEnds(t *testing.T) {
	g, err := Parse(`root ::= "a" "b"?`)
	require.NoError(t, err)
	m := g.Matcher(byteVocabulary)
	require.False(t, m.CanEnd())
	require.False(t, m.Allowed(256))
	require.ErrorIs(t, m.Accept(256), ErrRefused)
	require.NoError(t, m.Accept('a'))
	require.True(t, m.CanEnd())
	require.False(t, m.Done())
	require.True(t, m.Allowed(256))

	other := m.Clone()
	require.NoError(t, m.Accept('b'))
	require.True(t, m.Done())
	require.ErrorIs(t, m.Accept('b'), ErrRefused)
	require.NoError(t, m.Accept(256))
	require.False(t, m.Allowed(256))
	require.Nil(t, m.Mask())

	require.True(t, other.Allowed('b'))
	require.False(t, other.Allowed(-1))
	require.False(t, other.Allowed(257))
}

const jsonGrammar = `root ::= value
value ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ws ( pair ("," ws pair)* ws )? "}"
pair ::= string ":" " "? value
array ::= "[" ws ( value ("," ws value)* ws )? "]"
string ::= "\"" ( [^"\\\x00-\x1f] | "\\" ( ["\\/bfnrt] | "u" [0-9a-fA-F]{4} ) )* "\""
number ::= "-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]+)? ([eE] [-+]? [0-9]{1,3})?
ws ::= | " " | "\n" " "{0,20}
`
