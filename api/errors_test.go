package api_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// TestRequestErrors names the field of every request that cannot be served.
func TestRequestErrors(t *testing.T) {
	d := start(t, fake.ModelConfig{Answer: "x"}, channel.Spec{})
	chat := func(more string) string {
		return `{"model":"m","messages":[{"role":"user","content":"x"}],` + more + `}`
	}
	messages := func(m string) string { return `{"model":"m","messages":[` + m + `]}` }
	for _, c := range []struct {
		path, body  string
		status      int
		param, code string
		says        string
	}{
		{"chat/completions", `{`, 400, "null", "invalid_json", "not JSON"},
		{"chat/completions", ``, 400, "null", "invalid_json", "not JSON"},
		{"chat/completions", `[]`, 400, "null", "invalid_json", "an array"},
		{"chat/completions", `null`, 400, "null", "invalid_json", "null"},
		{"chat/completions", `{"messages":[]}`, 400, "model", "missing_required_parameter", "required"},
		{"chat/completions", `{"model":"m"}`, 400, "messages", "missing_required_parameter", "required"},
		{"chat/completions", `{"model":1,"messages":[]}`, 400, "model", "invalid_value", "a number"},
		{"chat/completions", `{"model":"n","messages":[{"role":"user","content":"x"}]}`, 404, "model", "model_not_found", `did you mean "m"`},
		{"chat/completions", messages(``), 400, "messages", "invalid_value", "at least one"},
		{"chat/completions", messages(`3`), 400, "messages[0]", "invalid_value", "an object"},
		{"chat/completions", messages(`{"content":"x"}`), 400, "messages[0].role", "missing_required_parameter", ""},
		{"chat/completions", messages(`{"role":"usre","content":"x"}`), 400, "messages[0].role", "invalid_value", "usre"},
		{"chat/completions", messages(`{"role":"user"}`), 400, "messages[0].content", "missing_required_parameter", ""},
		{"chat/completions", messages(`{"role":"user","content":"x"},{"role":"user","content":7}`), 400, "messages[1].content", "invalid_value", "a number"},
		{"chat/completions", messages(`{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url"}]}`), 400, "messages[0].content[1].type", "unsupported_value", "image_url"},
		{"chat/completions", messages(`{"role":"user","content":[{"type":"text"}]}`), 400, "messages[0].content[0].text", "missing_required_parameter", ""},
		{"chat/completions", messages(`{"role":"assistant","tool_calls":[{"function":{}}]}`), 400, "messages[0].tool_calls[0].function.name", "missing_required_parameter", ""},
		{"chat/completions", chat(`"temperature":"hot"`), 400, "temperature", "invalid_value", "a string"},
		{"chat/completions", chat(`"temperature":2.1`), 400, "temperature", "invalid_value", "from 0 to 2"},
		{"chat/completions", chat(`"top_p":-1`), 400, "top_p", "invalid_value", ""},
		{"chat/completions", chat(`"presence_penalty":3`), 400, "presence_penalty", "invalid_value", ""},
		{"chat/completions", chat(`"top_k":1.5`), 400, "top_k", "invalid_value", "an integer"},
		{"chat/completions", chat(`"seed":1.5`), 400, "seed", "invalid_value", "integer"},
		{"chat/completions", chat(`"max_tokens":0`), 400, "max_tokens", "invalid_value", ""},
		{"chat/completions", chat(`"max_completion_tokens":"9"`), 400, "max_completion_tokens", "invalid_value", ""},
		{"chat/completions", chat(`"stop":7`), 400, "stop", "invalid_value", ""},
		{"chat/completions", chat(`"stop":["a",7]`), 400, "stop[1]", "invalid_value", ""},
		{"chat/completions", chat(`"stop":["` + strings.Join(make([]string, 17), `a","`) + `a"]`), 400, "stop", "invalid_value", "at most 16"},
		{"chat/completions", chat(`"stream":"yes"`), 400, "stream", "invalid_value", ""},
		{"chat/completions", chat(`"stream_options":{"include_usage":1}`), 400, "stream_options.include_usage", "invalid_value", ""},
		{"chat/completions", chat(`"logit_bias":{"a":1}`), 400, "logit_bias", "invalid_value", "token ids"},
		{"chat/completions", chat(`"logit_bias":{"5":101}`), 400, "logit_bias.5", "invalid_value", ""},
		{"chat/completions", chat(`"top_logprobs":3`), 400, "top_logprobs", "invalid_value", "logprobs"},
		{"chat/completions", chat(`"logprobs":true,"top_logprobs":21`), 400, "top_logprobs", "invalid_value", ""},
		{"chat/completions", chat(`"n":1000`), 400, "n", "invalid_value", ""},
		{"chat/completions", chat(`"tools":[{}]`), 400, "tools[0].type", "missing_required_parameter", ""},
		{"chat/completions", chat(`"tools":[{"type":"retrieval"}]`), 400, "tools[0].type", "unsupported_value", ""},
		{"chat/completions", chat(`"tools":[{"type":"function","function":{"name":"a b"}}]`), 400, "tools[0].function.name", "invalid_value", ""},
		{"chat/completions", chat(`"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]`), 400, "tools[1].function.name", "invalid_value", "two"},
		{"chat/completions", chat(`"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]`), 400, "tools[0].function.parameters", "invalid_value", ""},
		{"chat/completions", chat(`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"frog"}}}],"tool_choice":"required"`), 400, "tools", "invalid_value", "f: "},
		{"chat/completions", chat(`"tool_choice":"required"`), 400, "tool_choice", "invalid_value", ""},
		{"chat/completions", chat(`"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"g"}}`), 400, "tool_choice", "invalid_value", ""},
		{"chat/completions", chat(`"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required","grammar":"root ::= \"x\""`), 400, "tool_choice", "invalid_value", "exclude"},
		{"chat/completions", chat(`"functions":[{}]`), 400, "functions", "unsupported_value", ""},
		{"chat/completions", chat(`"response_format":{"type":"xml"}`), 400, "response_format.type", "invalid_value", "xml"},
		{"chat/completions", chat(`"response_format":{"type":"json_schema"}`), 400, "response_format.json_schema", "missing_required_parameter", ""},
		{"chat/completions", chat(`"response_format":{"type":"json_schema","json_schema":{}}`), 400, "response_format.json_schema.schema", "missing_required_parameter", ""},
		{"chat/completions", chat(`"grammar":"root ::= \"a\"","json_schema":{}`), 400, "json_schema", "invalid_value", "grammar"},
		{"chat/completions", chat(`"chat_template_kwargs":[]`), 400, "chat_template_kwargs", "invalid_value", ""},
		{"completions", `{"model":"m"}`, 400, "prompt", "missing_required_parameter", ""},
		{"completions", `{"model":"m","prompt":{}}`, 400, "prompt", "invalid_value", ""},
		{"completions", `{"model":"m","prompt":[]}`, 400, "prompt", "invalid_value", ""},
		{"completions", `{"model":"m","prompt":[1,"a"]}`, 400, "prompt[1]", "invalid_value", ""},
		{"completions", `{"model":"m","prompt":[[1,-2]]}`, 400, "prompt[0][1]", "invalid_value", ""},
		{"completions", `{"model":"m","prompt":[[[1]]]}`, 400, "prompt[0][0]", "invalid_value", ""},
		{"completions", `{"model":"m","prompt":["x",[1]],"n":2,"best_of":1}`, 400, "best_of", "invalid_value", ""},
		{"completions", `{"model":"m","prompt":"x","best_of":2,"stream":true}`, 400, "best_of", "unsupported_value", ""},
		{"completions", `{"model":"m","prompt":"x","suffix":"y"}`, 400, "suffix", "unsupported_value", "middle"},
		{"completions", `{"model":"m","prompt":"x","suffix":"y","echo":true}`, 400, "suffix", "invalid_value", ""},
		{"completions", `{"model":"m","prompt":"x","logprobs":true}`, 400, "logprobs", "invalid_value", ""},
	} {
		t.Run(c.path+" "+c.body, func(t *testing.T) {
			got := d.post(t, "/v1/"+c.path, c.body)
			e := got.error(t)
			assert.Equal(t, c.status, got.status)
			assert.Equal(t, "invalid_request_error", e.Type)
			assert.Equal(t, c.param, text(e.Param))
			assert.Equal(t, c.code, text(e.Code))
			assert.Contains(t, e.Message, c.says)
			assert.NotEmpty(t, got.header.Get("X-Request-Id"))
		})
	}
}

func TestAccepted(t *testing.T) {
	d := start(t, fake.ModelConfig{Answer: "x"}, channel.Spec{})
	for _, body := range []string{
		`{"model":"m","messages":[{"role":"user","content":"x"}],"unknown":{"deep":[1]},"user":"me","n":1,"seed":null,"stop":null,"temperature":null}`,
		`{"model":"m","messages":[{"role":"developer","content":"x"},{"role":"user","content":[{"type":"text","text":"a"},"b"]}]}`,
		`{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"y"}]}`,
		`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[],"max_tokens":-1,"seed":-1,"top_k":-1,"repeat_last_n":0,"top_p":0,"stop":""}`,
		`{"model":"m","messages":[{"role":"user","content":"x"}],"seed":18446744073709551615,"logit_bias":{"5":-100},"max_tokens":3.0,"modalities":["text"]}`,
		`{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"text"},"chat_template_kwargs":{"enable_thinking":false}}`,
		`{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_object"}}`,
	} {
		got := d.post(t, "/v1/chat/completions", body)
		assert.Equal(t, 200, got.status, "%s\n%s", body, got.body)
	}
}

func TestBackendErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		model  fake.ModelConfig
		spec   channel.Spec
		status int
		code   string
		retry  string
	}{
		{"fails", fake.ModelConfig{Fail: "out of luck"}, channel.Spec{}, 500, "internal_error", ""},
		{"panics", fake.ModelConfig{Fail: "panic"}, channel.Spec{}, 500, "internal_error", ""},
		{"dies", fake.ModelConfig{Die: "exit"}, channel.Spec{}, 503, "backend_unavailable", "1"},
		{"does not load", fake.ModelConfig{LoadError: "file"}, channel.Spec{}, 500, "model_load_failed", ""},
		{"does not fit", fake.ModelConfig{LoadError: "memory"}, channel.Spec{}, 503, "out_of_memory", ""},
		{"takes too long", fake.ModelConfig{Hang: "load"}, channel.Spec{Limits: channel.Limits{Timeout: 20 * time.Millisecond}}, 504, "timeout", ""},
		{"template refuses", fake.ModelConfig{}, channel.Spec{ChatTemplate: "{{ raise_exception('no') }}"}, 400, "invalid_value", ""},
		{"template is broken", fake.ModelConfig{}, channel.Spec{ChatTemplate: "{% if %}"}, 500, "chat_template_failed", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := start(t, c.model, c.spec)
			got := d.post(t, "/v1/chat/completions", chatBody)
			e := got.error(t)
			assert.Equal(t, c.status, got.status, got.body)
			assert.Equal(t, c.code, text(e.Code))
			assert.Equal(t, c.retry, got.header.Get("Retry-After"))
		})
	}
}

func TestBusyBeforeAStreamHasItsStatus(t *testing.T) {
	d := start(t, fake.ModelConfig{Hang: "generate", AfterTokens: 1, AnswerTokens: 9}, channel.Spec{Limits: channel.Limits{Queue: 1}})
	_, body := d.open(t.Context(), t, streamBody)
	got := d.post(t, "/v1/chat/completions", streamBody)
	require.NoError(t, body.Close())
	assert.Equal(t, 429, got.status)
	assert.Equal(t, "1", got.header.Get("Retry-After"))
	assert.Equal(t, "rate_limit_error", got.error(t).Type)
}

func TestErrorInMidstream(t *testing.T) {
	d := start(t, fake.ModelConfig{Die: "exit", AfterTokens: 3, AnswerTokens: 9, TokensPerSecond: 50, Once: filepath.Join(t.TempDir(), "died")}, channel.Spec{})
	got := d.post(t, "/v1/chat/completions", streamBody)
	assert.Equal(t, 200, got.status)
	events := got.events(t)
	assert.Contains(t, events[0], `"role":"assistant"`)
	assert.Contains(t, events[len(events)-1], `{"error":{`)
	assert.Contains(t, events[len(events)-1], `"code":"backend_unavailable"`)
	assert.NotContains(t, got.body, "[DONE]")

	again := d.post(t, "/v1/chat/completions", streamBody)
	assert.Contains(t, again.body, "[DONE]", "the next request finds the backend restarted")
}

func TestTooLarge(t *testing.T) {
	d := startSet(t, routertest.NewBackends(t), map[string]channel.Model{"m": routertest.Model(t, fake.ModelConfig{})}, map[string]channel.Spec{"m": {}}, api.Options{MaxBody: 1000})
	got := d.post(t, "/v1/chat/completions", `{"model":"`+strings.Repeat("m", 2000)+`"}`)
	assert.Equal(t, 413, got.status)
	assert.Equal(t, "request_too_large", text(got.error(t).Code))
}

func TestMethodsAndPaths(t *testing.T) {
	d := start(t, fake.ModelConfig{}, channel.Spec{})
	got := d.do(t, http.MethodGet, "/v1/chat/completions", "")
	assert.Equal(t, 405, got.status)
	assert.Contains(t, got.header.Get("Allow"), "POST")
	assert.Equal(t, "method_not_allowed", text(got.error(t).Code))

	got = d.do(t, http.MethodGet, "/v1/nothing", "")
	assert.Equal(t, 404, got.status)
	assert.Equal(t, "not_found", text(got.error(t).Code))

	got = d.do(t, http.MethodHead, "/v1/models", "")
	assert.Equal(t, 200, got.status)
	assert.Empty(t, got.body)
}

func TestContextLengthSaysTheWordsThatClientsLookFor(t *testing.T) {
	d := start(t, fake.ModelConfig{}, channel.Spec{Load: backend.LoadOptions{Context: 64}})
	long := fmt.Sprintf(`{"model":"m","messages":[{"role":"user","content":%q}]}`, strings.Repeat("word ", 200))
	got := d.post(t, "/v1/chat/completions", long)
	e := got.error(t)
	assert.Equal(t, 400, got.status)
	assert.Equal(t, "context_length_exceeded", text(e.Code))
	assert.Equal(t, "messages", text(e.Param))
	assert.Contains(t, e.Message, "the request exceeds the available context size")
}
