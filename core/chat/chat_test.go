package chat

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func render(t *testing.T, source string, in Input) string {
	t.Helper()
	template, err := NewTemplate(source, map[string]string{"bos": "<s>", "eos": "</s>"})
	require.NoError(t, err)
	template.now = func() time.Time { return time.Date(2025, 3, 9, 14, 5, 6, 0, time.UTC) }
	out, err := template.Render(in)
	require.NoError(t, err)
	return out
}

func turns(pairs ...string) []Message {
	var out []Message
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, Message{Role: pairs[i], Content: pairs[i+1]})
	}
	return out
}

func TestSmolLM2(t *testing.T) {
	source, err := os.ReadFile("testdata/smollm2.jinja")
	require.NoError(t, err)
	got := render(t, string(source), Input{Messages: turns("user", "Hi é"), AddGenerationPrompt: true})
	assert.Equal(t, "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"+
		"<|im_start|>user\nHi é<|im_end|>\n<|im_start|>assistant\n", got)
	got = render(t, string(source), Input{Messages: turns("system", "S", "user", "a", "assistant", "b")})
	assert.Equal(t, "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n", got)
}

// TestFeatures pins what chat templates use, with what Jinja2 makes of it.
func TestFeatures(t *testing.T) {
	in := Input{
		Messages:            turns("user", "  Hi <b> & 'you' 世界  ", "assistant", "<think>\nhm\n</think>\n\nok"),
		AddGenerationPrompt: true,
		Tools:               []json.RawMessage{json.RawMessage(`{"zeta":1,"alpha":{"b":[1,2.5,null,true],"a":"é\"<"}}`)},
		Extra:               map[string]any{"flag": false, "n": 3.0, "raw": json.RawMessage(`{"k":[1]}`)},
	}
	for _, c := range []struct{ name, source, want string }{
		{"special tokens", "{{ bos_token }}{{ eos_token }}", "<s></s>"},
		{"undefined prints nothing", "[{{ nothing }}][{{ messages[0].nothing }}]", "[][]"},
		{"defined", "{{ 'y' if tools is defined else 'n' }}{{ 'y' if nothing is defined else 'n' }}", "yn"},
		{"none", "{{ nothing is none }}", "True"},
		{"extra variables", "{{ flag is false }} {{ n }} {{ raw.k[0] }}", "True 3 1"},
		{"trim blocks", "{% if true %}\nx\n{% endif %}\ny", "x\ny"},
		{"left strip blocks", "a\n   {% if true %}\nb\n   {% endif %}\nc", "a\nb\nc"},
		{"space after text stays", "a: {% if true %}b{% endif %} c {{ 1 }} {% if true %}d{% endif %}", "a: b c 1 d"},
		{"indent after a trimmed newline goes", "{% if true %}\n  {% if true %}\n  x{% endif %}{% endif %}", "  x"},
		{"a plus keeps the indent", "a\n  {%+ if true %}b{% endif %}", "a\n  b"},
		{"a comment goes with its line", "a\n  {# c #}\nb", "a\nb"},
		{"one trailing newline goes", "a\n\n", "a\n"},
		{"whitespace control", "a  {%- if true -%}  b  {%- endif -%}  c", "abc"},
		{"tojson keeps the order of keys", "{{ tools[0] | tojson }}", `{"zeta": 1, "alpha": {"b": [1, 2.5, null, true], "a": "é\"<"}}`},
		{"tojson with indent", "{{ tools[0].alpha.b | tojson(indent=2) }}", "[\n  1,\n  2.5,\n  null,\n  true\n]"},
		{"tojson of text", `{{ "it's <é>" | tojson }}`, `"it's <é>"`},
		{"namespace", "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "2"},
		{"loop variables", "{% for m in messages %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }};{% endfor %}", "0TrueFalse;1FalseTrue;"},
		{"loop filter", "{% for m in messages if m.role == 'user' %}{{ m.role }}{% endfor %}", "user"},
		{"break and continue", "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}", "023"},
		{"the last of one", "{{ messages[1:][-1].role }}", "assistant"},
		{"slices", "{{ messages[::-1][0].role }} {{ 'abcd'[1:-1] }} {{ messages[:1] | length }}", "assistant bc 1"},
		{"strip", "[{{ messages[0].content.strip() }}]", "[Hi <b> & 'you' 世界]"},
		{"trim and method on it", "[{{ (messages[0].content | trim).split(' ')[-1] }}]", "[世界]"},
		{"split from the end", "{{ messages[1].content.split('</think>')[-1].lstrip('\n') }}", "ok"},
		{"split of no separator", "{{ 'abc'.split('x')[-1] }}", "abc"},
		{"starts and ends", "{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith('x') }}", "TrueFalse"},
		{"replace", "{{ 'a-b-c'.replace('-', '') }}", "abc"},
		{"upper, title", "{{ 'ab' | upper }}{{ 'ab cd'.title() }}", "ABAb Cd"},
		{"in", "{{ 'b' in 'abc' }}{{ 'x' not in 'abc' }}{{ 'role' in messages[0] }}", "TrueTrueTrue"},
		{"is string, mapping, iterable", "{{ 'a' is string }}{{ messages[0] is mapping }}{{ messages is iterable }}", "TrueTrueTrue"},
		{"items in order", "{% for k, v in tools[0].items() %}{{ k }} {% endfor %}", "zeta alpha "},
		{"items filter", "{% for k, v in tools[0] | items %}{{ k }} {% endfor %}", "zeta alpha "},
		{"dictsort", "{% for k, v in tools[0] | dictsort %}{{ k }} {% endfor %}", "alpha zeta "},
		{"get with default", "{{ messages[0].get('x', 'd') }}{{ messages[0].get('role') }}", "duser"},
		{"default filter", "{{ nothing | default('d') }}", "d"},
		{"macro", "{% macro f(a, b='2') %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}{{ f(1, b=3) }}", "1213"},
		{"selectattr", "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}", "1"},
		{"map and join", "{{ messages | map(attribute='role') | join(',') }}", "user,assistant"},
		{"list append", "{% set l = [] %}{% for m in messages %}{% set l = l + [m.role] %}{% endfor %}{{ l | length }}", "0"},
		{"strftime_now", "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%-d %H:%M:%S %A %%') }}", "09 Mar 2025 9 14:05:06 Sunday %"},
		{"tilde and arithmetic", "{{ 1 ~ 'a' ~ 2 }}{{ 7 % 3 }}{{ 7 // 2 }}", "1a213"},
		{"generation block", "{% generation %}x{% endgeneration %}", "x"},
		{"comment", "a{# if x else ( #}b", "ab"},
		{"raw", "{% raw %}{{ (a if b else c) }}{% endraw %}", "{{ (a if b else c) }}"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, render(t, c.source, in)) })
	}
}

// TestConditionals covers "x if c else y" in all its places.
func TestConditionals(t *testing.T) {
	for source, want := range map[string]string{
		"{{ 'a' if true else 'b' }}":                                             "a",
		"{{ 'a' if false }}|":                                                    "|",
		"{{ ('a' if false else 'b') + 'c' }}":                                    "bc",
		"{{ 'x' + ('a' if false else ('b' if false else 'c')) }}":                "xc",
		"{{ 'a' if false else 'b' if false else 'c' }}":                          "c",
		"{{ 'a' if true else 'b' if false else 'c' }}":                           "a",
		"{{ ['a' if true else 'b', 'c' if false else 'd'] | join }}":             "ad",
		"{{ {'k': 'a' if false else 'b'}.k }}":                                   "b",
		"{{ namespace(v='a' if false else 'b').v }}":                             "b",
		"{% set v = 'a' if false else 'b' %}{{ v }}":                             "b",
		"{% for i in (range(2) if true else []) if i != 0 %}{{ i }}{% endfor %}": "1",
		"{% if ('a' if true else '') == 'a' %}y{% endif %}":                      "y",
		"{{ (raise_exception('no') if false else 'fine') }}":                     "fine",
		"{{ ' if ' ~ \" else \" }}":                                              " if  else ",
		"{{ ('' if true else 'b') }}|":                                           "|",
	} {
		assert.Equal(t, want, render(t, source, Input{}), source)
	}
}

func TestToolCalls(t *testing.T) {
	in := Input{Messages: []Message{
		{Role: "assistant", ToolCalls: []ToolCall{{ID: "1", Name: "f", Arguments: `{"z":1,"a":"é"}`}, {Name: "g", Arguments: "not JSON"}}},
		{Role: "tool", Content: "12", ToolCallID: "1"},
	}}
	got := render(t, "{% for c in messages[0].tool_calls %}{{ c.function | tojson }};{% endfor %}{{ messages[1].tool_call_id }}", in)
	assert.Equal(t, `{"name": "f", "arguments": {"z": 1, "a": "é"}};{"name": "g", "arguments": "not JSON"};1`, got)
}

func TestRefusal(t *testing.T) {
	template, err := NewTemplate("{% if messages[0].role != 'user' %}{{ raise_exception('the user goes first') }}{% endif %}", nil)
	require.NoError(t, err)
	_, err = template.Render(Input{Messages: turns("assistant", "x")})
	require.ErrorIs(t, err, ErrRefused)
	assert.ErrorContains(t, err, "the user goes first")
}

func TestSandbox(t *testing.T) {
	for _, source := range []string{
		"{% include 'testdata/README.md' %}", "{% extends '/etc/passwd' %}", "{% import 'x' as y %}", "{% from 'x' import y %}",
		"{% if %}", "{{", "{% for %}",
	} {
		_, err := NewTemplate(source, nil)
		assert.ErrorIs(t, err, ErrTemplate, source)
	}
	for _, source := range []string{
		"{% for i in range(100000000) %}{% endfor %}",
		"{{ 1 % 0 }}",
		"{% for i in range(90000) %}{{ 'x' * 9000 }}{% endfor %}",
		"{{ messages | nofilter }}",
	} {
		template, err := NewTemplate(source, nil)
		if err == nil {
			_, err = template.Render(Input{})
		}
		assert.ErrorIs(t, err, ErrTemplate, source)
	}
}

func TestDefaults(t *testing.T) {
	in := Input{Messages: turns("system", "S", "user", " a ", "assistant", "b", "user", "c"), AddGenerationPrompt: true}
	assert.Equal(t, "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\n a <|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n",
		render(t, Default(map[string]string{"eos": "<|im_end|>"}), in))
	assert.Equal(t, "<s><start_of_turn>user\nS\n\na<end_of_turn>\n<start_of_turn>model\nb<end_of_turn>\n<start_of_turn>user\nc<end_of_turn>\n<start_of_turn>model\n",
		render(t, Default(map[string]string{"eos": "</s>", "eot": "<end_of_turn>"}), in))
	assert.Empty(t, Default(map[string]string{"eos": "</s>"}))
}

func TestRenderConcurrently(t *testing.T) {
	template, err := NewTemplate("{% set ns = namespace(n='') %}{% for m in messages %}{% set ns.n = ns.n + m.content %}{% endfor %}{{ ns.n }}", nil)
	require.NoError(t, err)
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			text := strings.Repeat("x", i)
			out, err := template.Render(Input{Messages: turns("user", text, "assistant", text)})
			assert.NoError(t, err)
			assert.Equal(t, text+text, out)
		})
	}
	wait.Wait()
}

// FuzzPrepare holds the rewriting to end on anything, and to keep text without tags.
func FuzzPrepare(f *testing.F) {
	for _, s := range []string{"{{ a if b else c }}", "{% for x in (a if b) %}", "{{ '", "{# if #}", "{% raw %}{{", "{{ [a if b else c if d else e", "{%", "{#}", "{{}}", "{%-%}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := prepare(s)
		if !strings.Contains(s, "{") && !strings.Contains(s, "\r") && got != strings.TrimSuffix(s, "\n") {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

// FuzzTemplate holds the engine's panics to come out as errors.
func FuzzTemplate(f *testing.F) {
	f.Add("{% for m in messages %}{{ m.content[0] }}{{ m['role'] | upper }}{% endfor %}")
	f.Add("{{ messages[5].x.y(1)[2:'a'] // 0 }}")
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "for") && strings.Contains(s, "range") || strings.Contains(s, "macro") {
			t.Skip("may take for ever, as a program may")
		}
		template, err := NewTemplate(s, nil)
		if err == nil {
			_, err = template.Render(Input{Messages: turns("user", "x")})
		}
		if err != nil {
			_ = err.Error()
		}
	})
}

func BenchmarkRender(b *testing.B) {
	source, err := os.ReadFile("testdata/smollm2.jinja")
	require.NoError(b, err)
	template, err := NewTemplate(string(source), nil)
	require.NoError(b, err)
	in := Input{Messages: turns("user", "hello"), AddGenerationPrompt: true}
	for b.Loop() {
		if _, err := template.Render(in); err != nil {
			b.Fatal(err)
		}
	}
}
