package answer

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/decode/grammar"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

var dialectsByName = map[string]*Dialect{}

func init() {
	for _, d := range []*Dialect{hermes, llama, mistral, deepseek, deepseekPlain, glm, glm4, Generic} {
		dialectsByName[d.Name] = d
	}
}

// matches says whether a grammar matches a whole text, and whether it matches how the text begins.
func matches(t *testing.T, gbnf, text string) (all, begins bool) {
	t.Helper()
	g, err := grammar.Parse(gbnf)
	require.NoError(t, err, gbnf)
	bytes := grammar.NewVocabulary(257, func(t backend.Token) []byte {
		if t == 256 {
			return nil
		}
		return []byte{byte(t)}
	}, func(t backend.Token) bool { return t == 256 })
	m := g.Matcher(bytes)
	for i := range len(text) {
		if m.Accept(backend.Token(text[i])) != nil {
			return false, false
		}
	}
	return m.CanEnd(), true
}

// TestGrammars holds each dialect's grammar to match what its reader reads, and nothing else.
func TestGrammars(t *testing.T) {
	for _, c := range []struct {
		dialect, one, two string
	}{
		{"hermes", "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Ulm\"}}\n</tool_call>", "\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"},
		{"llama", `{"name": "get_weather", "parameters": {"city": "Ulm"}}`, `; {"name": "now", "parameters": {}}`},
		{"deepseek", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"Ulm\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", ""},
		{"deepseek-plain", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": \"Ulm\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", ""},
		{"glm", "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Ulm</arg_value>\n</tool_call>", "\n<tool_call>now\n</tool_call>"},
		{"glm4", "get_weather\n{\"city\": \"Ulm\"}", ""},
		{"mistral", `[{"name": "get_weather", "arguments": {"city": "Ulm"}}]`, ""},
		{"generic", `{"tool_calls": [{"name": "get_weather", "arguments": {"city": "Ulm"}}]}`, ""},
	} {
		t.Run(c.dialect, func(t *testing.T) {
			d := dialectsByName[c.dialect]
			single, err := d.Grammar(weather, true, NoThoughts)
			require.NoError(t, err)
			several, err := d.Grammar(weather, false, NoThoughts)
			require.NoError(t, err)
			all, _ := matches(t, single, c.one)
			assert.True(t, all, "one")
			all, _ = matches(t, several, c.one+c.two)
			assert.True(t, all, "two")
			if c.two != "" {
				_, begins := matches(t, single, c.one+c.two)
				assert.False(t, begins, "two, of one")
			}
			_, begins := matches(t, single, "Hello")
			assert.False(t, begins, "words")
			assert.Equal(t, calls("get_weather", `{"city": "Ulm"}`), read(t, d, d.Prefill+c.one, 5, false, false))

			other, err := d.Grammar(Choice{Mode: Required, Name: "now"}.Among(weather), true, NoThoughts)
			require.NoError(t, err)
			_, begins = matches(t, other, c.one)
			assert.False(t, begins, "another function")

			think, err := d.Grammar(weather, true, MayThink)
			require.NoError(t, err)
			for _, thought := range []string{"", "<think></think>", "<think>\na < b </b> <</think>\n\n"} {
				all, _ = matches(t, think, thought+c.one)
				assert.True(t, all, thought)
			}
			begun, err := d.Grammar(weather, true, BegunToThink)
			require.NoError(t, err)
			all, _ = matches(t, begun, "hm\n</think>\n\n"+c.one)
			assert.True(t, all)
		})
	}
}

func TestGrammarOfABadSchemaNamesTheTool(t *testing.T) {
	_, err := hermes.Grammar([]Tool{{Name: "f", Parameters: json.RawMessage(`{"type":"frog"}`)}}, true, NoThoughts)
	require.ErrorIs(t, err, base.ErrInvalid)
	assert.ErrorContains(t, err, "f: ")
}

func TestWithThoughts(t *testing.T) {
	gbnf := WithThoughts("root ::= \"root\" [a-z]{1,2} # root\nx ::= root", BegunToThink)
	all, _ := matches(t, gbnf, "why</think>\nrootab")
	assert.True(t, all)
	assert.Equal(t, "root ::= x", WithThoughts("root ::= x", NoThoughts))
}

func TestDetect(t *testing.T) {
	for template, want := range map[string]*Dialect{
		"{% if tools %}<tool_call>{% endif %}": hermes, "<tool_call><arg_key>": glm, "[TOOL_CALLS]": mistral,
		"<｜tool▁calls▁begin｜>```json": deepseek, "<｜tool▁calls▁begin｜>": deepseekPlain, "<|python_tag|>": llama,
		"<|observation|>": glm4, "<|im_start|>": Generic,
	} {
		assert.Equal(t, want.Name, Detect(template).Name, template)
	}
}
