package answer

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var weather = []Tool{
	{Name: "get_weather", Parameters: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}`)},
	{Name: "now"},
}

// result is an answer put together again.
type result struct {
	Text, Thought string
	Names         []string
	Arguments     []string
}

func (r *result) add(t *testing.T, parts []Part) {
	for _, p := range parts {
		r.Text += p.Text
		r.Thought += p.Thought
		if p.Call == nil {
			continue
		}
		if p.Call.Name != "" {
			require.Len(t, r.Names, p.Call.Index)
			r.Names = append(r.Names, p.Call.Name)
			r.Arguments = append(r.Arguments, "")
		}
		require.Len(t, r.Names, p.Call.Index+1)
		r.Arguments[p.Call.Index] += p.Call.Arguments
	}
}

// read feeds a text in pieces of so many bytes.
func read(t *testing.T, d *Dialect, text string, size int, thinks, begun bool) result {
	r := d.NewReader(weather, thinks, begun)
	var out result
	for rest := text; rest != ""; {
		n := min(size, len(rest))
		out.add(t, r.Push(rest[:n]))
		rest = rest[n:]
	}
	out.add(t, r.End())
	require.Equal(t, len(out.Names), r.Calls())
	return out
}

func calls(pairs ...string) result {
	var r result
	for i := 0; i < len(pairs); i += 2 {
		r.Names, r.Arguments = append(r.Names, pairs[i]), append(r.Arguments, pairs[i+1])
	}
	return r
}

func with(r result, text string) result { r.Text = text; return r }

var answers = []struct {
	name    string
	dialect *Dialect
	text    string
	want    result
}{
	{"plain", hermes, "Hello there. ", with(calls(), "Hello there. ")},
	{"less than", hermes, "a < b <tool", with(calls(), "a < b <tool")},
	{"one", hermes, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Ulm\"}}\n</tool_call>", calls("get_weather", `{"city": "Ulm"}`)},
	{"after words", hermes, "Let me see.\n\n<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>\n", with(calls("now", "{}"), "Let me see.")},
	{"two", hermes, "<tool_call>\n{\"name\": \"now\"}\n</tool_call>\n<tool_call>\n{\"arguments\": {\"city\": \"}\\\"<\"}, \"name\": \"get_weather\"}\n</tool_call>", calls("now", "{}", "get_weather", `{"city": "}\"<"}`)},
	{"no end tag", hermes, `<tool_call>{"name": "now", "arguments": {}}`, calls("now", "{}")},
	{"not whole", hermes, `<tool_call>{"name": "get_weather", "arguments": {"city": "U`, calls("get_weather", `{"city": "U`)},
	{"without tags", hermes, `{"name": "now", "arguments": {}}`, calls("now", "{}")},
	{"no function of ours", hermes, `{"name": "Bob", "arguments": {}}`, with(calls(), `{"name": "Bob", "arguments": {}}`)},
	{"other JSON", hermes, ` {"answer": 42}`, with(calls(), ` {"answer": 42}`)},
	{"arguments as text", hermes, `<tool_call>{"name": "get_weather", "arguments": "{\"city\": \"Ulm\"}"}</tool_call>`, calls("get_weather", `{"city": "Ulm"}`)},
	{"function object", hermes, `<tool_call>{"type": "function", "function": {"name": "now", "arguments": {}}}</tool_call>`, calls("now", "{}")},
	{"words after", hermes, `<tool_call>{"name": "now"}</tool_call> Done.`, with(calls("now", "{}"), "Done.")},
	{"rubbish in tags", hermes, "<tool_call>now()</tool_call>", with(calls(), "<tool_call>now()</tool_call>")},

	{"llama", llama, `{"name": "get_weather", "parameters": {"city": "Ulm"}}`, calls("get_weather", `{"city": "Ulm"}`)},
	{"llama, two", llama, `<|python_tag|>{"name": "now", "parameters": {}}; {"name": "now", "parameters": {}}`, calls("now", "{}", "now", "{}")},
	{"llama, words", llama, "It is {late}.", with(calls(), "It is {late}.")},

	{"mistral", mistral, `[TOOL_CALLS][{"name": "now", "arguments": {}}, {"name": "get_weather", "arguments": {"city": "Ulm"}}]`, calls("now", "{}", "get_weather", `{"city": "Ulm"}`)},
	{"mistral, newer", mistral, `[TOOL_CALLS]get_weather[ARGS]{"city": "Ulm"}[TOOL_CALLS]now[CALL_ID]abc[ARGS]{}`, calls("get_weather", `{"city": "Ulm"}`, "now", "{}")},
	{"mistral, words", mistral, "An array: [1]", with(calls(), "An array: [1]")},

	{"deepseek", deepseek, "Well.\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"Ulm\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
		with(calls("get_weather", `{"city": "Ulm"}`, "now", "{}"), "Well.")},
	{"deepseek, newer", deepseekPlain, "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", calls("now", "{}")},

	{"glm", glm, "Yes.\n<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>12</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>\n<tool_call>now\n</tool_call>",
		with(calls("get_weather", `{"city": "12", "days": 3}`, "now", "{}"), "Yes.")},
	{"glm4", glm4, "\nget_weather\n{\"city\": \"Ulm\"}", calls("get_weather", `{"city": "Ulm"}`)},
	{"glm4, words", glm4, "get_well soon", with(calls(), "get_well soon")},

	{"generic", Generic, `{"tool_calls": [{"name": "now", "arguments": {}}, {"name": "get_weather", "arguments": {"city": "Ulm"}}]}`, calls("now", "{}", "get_weather", `{"city": "Ulm"}`)},
	{"generic, bare", Generic, `{"name": "now", "arguments": {}}`, calls("now", "{}")},
	{"generic, other JSON", Generic, `{"tool": 1}`, with(calls(), `{"tool": 1}`)},
}

func TestReader(t *testing.T) {
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			for size := 1; size <= len(c.text); size++ {
				require.Equal(t, c.want, read(t, c.dialect, c.text, size, false, false), "in pieces of %d", size)
			}
		})
	}
}

func TestArgumentsAreStreamed(t *testing.T) {
	r := hermes.NewReader(weather, false, false)
	assert.Empty(t, r.Push("<tool_call>\n{\"name\": \"get_"))
	assert.Equal(t, []Part{{Call: &CallDelta{Name: "get_weather", Arguments: `{"ci`}}}, r.Push(`weather", "arguments": {"ci`))
	assert.Equal(t, []Part{{Call: &CallDelta{Arguments: `ty": "U`}}}, r.Push(`ty": "U`))
}

func TestThoughts(t *testing.T) {
	for _, c := range []struct {
		name, text    string
		thinks, begun bool
		want          result
	}{
		{"none", "Hi", true, false, result{Text: "Hi"}},
		{"some", "<think>\nhm <b>\n</think>\n\nHi", true, false, result{Text: "Hi", Thought: "hm <b>"}},
		{"begun", "hm\n</think>\n\nHi", true, true, result{Text: "Hi", Thought: "hm"}},
		{"empty", "<think>\n\n</think>\n\nHi", true, false, result{Text: "Hi"}},
		{"no end", "<think>hm </thi", true, false, result{Thought: "hm </thi"}},
		{"not told apart", "<think>hm</think>Hi", false, false, result{Text: "<think>hm</think>Hi"}},
		{"then a call", "<think>hm</think>\n<tool_call>{\"name\": \"now\"}</tool_call>", true, false, result{Thought: "hm", Names: []string{"now"}, Arguments: []string{"{}"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for size := 1; size <= len(c.text); size++ {
				require.Equal(t, c.want, read(t, hermes, c.text, size, c.thinks, c.begun), "in pieces of %d", size)
			}
		})
	}
}

// FuzzReader holds every dialect to read anything, in any pieces, and to lose no words.
func FuzzReader(f *testing.F) {
	for _, c := range answers {
		f.Add(c.text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		if size < 1 || len(text) > 1000 {
			t.Skip()
		}
		for _, d := range []*Dialect{hermes, llama, mistral, deepseek, deepseekPlain, glm, glm4, Generic} {
			got := read(t, d, text, size, true, false)
			if len(got.Names) == 0 && !strings.Contains(text, thinkBegin) {
				require.Equal(t, strings.TrimSpace(text), strings.TrimSpace(got.Text), d.Name)
			}
		}
	})
}
