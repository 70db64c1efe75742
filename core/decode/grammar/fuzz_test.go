package grammar

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// FuzzMatcher parses any grammar and feeds it any text, byte by byte: Allowed, Accept, Mask and a
// machine that forgets must agree.
func FuzzMatcher(f *testing.F) {
	f.Add(jsonGrammar, `{"a": [1, -2.5e3, "\u00e9"]}`)
	f.Add(`root ::= ([^a-z]{2,3} | "é" root | .?)* "x"`, "AéB€x")
	f.Add("root ::= a\na ::= a", "")
	f.Add(`root ::= ((((((((.?)*)*){9}){9}){9})*)*)*`, "abc")
	f.Fuzz(func(t *testing.T, source, text string) {
		g, err := Parse(source)
		if err != nil {
			require.ErrorIs(t, err, base.ErrInvalid)
			return
		}
		m, forgetful := g.Matcher(byteVocabulary), g.Matcher(byteVocabulary)
		for i := range min(len(text), 64) {
			tok := backend.Token(text[i])
			allowed := m.Allowed(tok)
			if mask := m.Mask(); mask != nil && bit(mask, tok) != allowed {
				t.Fatalf("after %q byte %q: Allowed %v, mask %v", text[:i], text[i], allowed, bit(mask, tok))
			}
			if err := m.Accept(tok); (err == nil) != allowed {
				t.Fatalf("after %q byte %q: Allowed %v, Accept %v", text[:i], text[i], allowed, err)
			}
			forgetful.machine.forget()
			if err := forgetful.Accept(tok); (err == nil) != allowed {
				t.Fatalf("after %q byte %q: Allowed %v, after forgetting %v", text[:i], text[i], allowed, err)
			}
			if m.CanEnd() != forgetful.CanEnd() || m.CanEnd() != m.Allowed(256) {
				t.Fatalf("after %q: the end differs", text[:i+1])
			}
			if !allowed {
				return
			}
		}
	})
}

func FuzzFromJSONSchema(f *testing.F) {
	for _, test := range schemas {
		text := ""
		if len(test.in) > 0 {
			text = test.in[0]
		}
		f.Add(test.schema, text)
	}
	f.Fuzz(func(t *testing.T, schema, text string) {
		source, err := FromJSONSchema(schema)
		if err != nil {
			require.ErrorIs(t, err, base.ErrInvalid)
			return
		}
		g, err := Parse(source)
		if err != nil {
			require.ErrorIs(t, err, base.ErrInvalid)
			for _, limit := range []string{"too large", "too ambiguous", "nested deeper", "bytes long", "repetition count"} {
				if strings.Contains(err.Error(), limit) {
					return
				}
			}
			t.Fatalf("%v\n%s", err, source)
		}
		if matches(g, text) {
			if _, err := decodeJSON(text); err != nil {
				t.Fatalf("%s matches, but %v\n%s", text, err, source)
			}
		}
	})
}
