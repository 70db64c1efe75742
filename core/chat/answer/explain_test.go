package answer

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/core/chat"
)

func template(t *testing.T, source string) *chat.Template {
	t.Helper()
	out, err := chat.NewTemplate(source, nil)
	require.NoError(t, err)
	return out
}

const (
	plainTemplate = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
	toolTemplate  = "{% for t in tools %}{{ t | tojson }}\n{% endfor %}{% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}{% endfor %}\n{% endfor %}"
)

func TestAbilities(t *testing.T) {
	assert.Equal(t, Abilities{}, AbilitiesOf(template(t, plainTemplate)))
	assert.Equal(t, Abilities{Tools: true, Calls: true}, AbilitiesOf(template(t, toolTemplate)))
	assert.Equal(t, Abilities{}, AbilitiesOf(template(t, "{{ raise_exception('no') }}")))
}

func TestExplain(t *testing.T) {
	messages := []chat.Message{
		{Role: "system", Content: "Be kind."},
		{Role: "user", Content: "Weather?"},
		{Role: "assistant", ToolCalls: []chat.ToolCall{{ID: "1", Name: "get_weather", Arguments: `{"city":"Ulm"}`}, {ID: "2", Name: "now", Arguments: "{}"}}},
		{Role: "tool", ToolCallID: "1", Content: "sunny"},
		{Role: "tool", ToolCallID: "2", Content: "noon"},
	}
	tools := []Tool{{Name: "now", Description: "Tells the time.", Parameters: json.RawMessage(`{ "type": "object" }`), Raw: json.RawMessage(`{"function":{"name":"now"}}`)}}

	got, raw := Generic.Explain(messages, tools, Abilities{})
	assert.Nil(t, raw)
	text, err := template(t, plainTemplate).Render(chat.Input{Messages: got})
	require.NoError(t, err)
	assert.Equal(t, `system: Be kind.

You can call functions. These are the functions, each with a JSON schema of its arguments:
- now {"type":"object"} Tells the time.
To call a function, answer with nothing but:
{"tool_calls": [{"name": NAME, "arguments": ARGUMENTS}]}
Its result is then told to you. When no function helps, answer in plain words.
user: Weather?
assistant: {"tool_calls": [{"name": "get_weather", "arguments": {"city":"Ulm"}}]}
{"tool_calls": [{"name": "now", "arguments": {}}]}
user: Result of get_weather:
sunny

Result of now:
noon
`, text)
	assert.Len(t, messages[2].ToolCalls, 2, "the client's messages are not written to")

	got, raw = hermes.Explain(messages, tools, Abilities{Tools: true, Calls: true})
	assert.Equal(t, messages, got)
	assert.Equal(t, []json.RawMessage{tools[0].Raw}, raw)

	got, _ = Generic.Explain(messages[1:2], tools, Abilities{})
	assert.Equal(t, "system", got[0].Role, "a conversation without a system prompt gets one")
}
