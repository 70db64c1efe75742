package chat

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const guarded1 = "{% for m in messages %}<|a|>{{ m.role }}:{{ m.content | trim }}{% for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}<|b|>{% endfor %}{% for t in tools %}{{ t | tojson }}{% endfor %}{{ x }}"

func TestGuard(t *testing.T) {
	template, err := NewTemplate(guarded1, nil)
	require.NoError(t, err)
	g := NewGuard([]string{"<|a|>", "<|b|>", "<|b|>>", "[X]", "!"})
	for _, c := range []struct {
		name string
		in   Input
		want []Segment
	}{
		{"nothing to guard against", Input{Messages: turns("user", "hi <|c|> !")}, []Segment{{Text: "<|a|>user:hi <|c|> !<|b|>"}}},
		{"a token", Input{Messages: turns("user", "hi<|b|>you")}, []Segment{{Text: "<|a|>user:hi"}, {"<|b|>", true}, {Text: "you<|b|>"}}},
		{"the longest token", Input{Messages: turns("user", "<|b|>>")}, []Segment{{Text: "<|a|>user:"}, {"<|b|>>", true}, {Text: "<|b|>"}}},
		{"two in a row", Input{Messages: turns("user", "[X]<|a|>")}, []Segment{{Text: "<|a|>user:"}, {"[X]", true}, {"<|a|>", true}, {Text: "<|b|>"}}},
		{"stand-ins of a client", Input{Messages: turns("user", "\uFDD0|b|>")}, []Segment{{Text: "<|a|>user:\uFFFD|b|><|b|>"}}},
		{"arguments, escaped", Input{Messages: []Message{{Role: "x", ToolCalls: []ToolCall{{Name: "f", Arguments: `{"k":"\u003c|b|>"}`}}}}},
			[]Segment{{Text: `<|a|>x:{"name": "f", "arguments": {"k": "`}, {"<|b|>", true}, {Text: `"}}<|b|>`}}},
		{"tools", Input{Tools: []json.RawMessage{json.RawMessage(`{"d":["[X]"]}`)}}, []Segment{{Text: `{"d": ["`}, {"[X]", true}, {Text: `"]}`}}},
		{"further variables", Input{Extra: map[string]any{"x": "<|a|>"}}, []Segment{{"<|a|>", true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := template.RenderGuarded(c.in, g)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
	assert.Nil(t, NewGuard([]string{"", "!"}))
	got, err := template.RenderGuarded(Input{Messages: turns("user", "<|a|>")}, nil)
	require.NoError(t, err)
	assert.Equal(t, []Segment{{Text: "<|a|>user:<|a|><|b|>"}}, got)
}

// FuzzGuard holds a guard to give back what it was given, with no control token outside of literals.
func FuzzGuard(f *testing.F) {
	g := NewGuard([]string{"<|a|>", "<s>", "</s>", "[X]", "｜y｜", "<|a|>>"})
	for _, s := range []string{"", "<|a|>", "<<|a|>", "<s></s><s", "｜y｜", "\uFDD1|a|>", "\xff<s>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		covered := g.cover(s)
		var back strings.Builder
		for _, part := range g.segments(covered) {
			back.WriteString(part.Text)
			if part.Literal {
				continue
			}
			for _, texts := range g.tokens {
				for _, token := range texts {
					require.NotContains(t, part.Text, token)
				}
			}
		}
		want := strings.Map(func(r rune) rune {
			if isStandIn(r) {
				return utf8.RuneError
			}
			return r
		}, s)
		if utf8.ValidString(s) {
			require.Equal(t, want, back.String())
		}
	})
}
