package api_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

// fieldsOf lists what a request of the client's has. The client sets stream by another method.
func fieldsOf(params any) []string {
	out := []string{"stream"}
	kind := reflect.TypeOf(params)
	for i := range kind.NumField() {
		if name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// documented reads a table of docs/api.md: what becomes of each field.
func documented(t *testing.T, heading string) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/api.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(page), "\n## Every field of OpenAI's requests\n")
	require.True(t, found)
	_, section, found := strings.Cut(after, "\n### "+heading+"\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n#")
	out := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (honoured|ignored|refused) \\| (.*) ?\\|$").FindAllStringSubmatch(section, -1) {
		assert.NotContains(t, out, row[1])
		assert.True(t, row[2] == "honoured" || strings.TrimSpace(row[3]) != "", "%s is %s, but why?", row[1], row[2])
		out[row[1]] = row[2]
	}
	return out
}

// samples are values that OpenAI's own API takes.
var samples = map[string]string{
	"audio": `{"voice":"alloy","format":"mp3"}`, "best_of": "2", "echo": "true", "frequency_penalty": "0.5",
	"function_call": `"auto"`, "functions": `[{"name":"f"}]`, "logit_bias": `{"5":1}`, "max_completion_tokens": "3",
	"max_tokens": "3", "metadata": `{"a":"b"}`, "modalities": `["text"]`, "moderation": `{"model":"omni"}`, "n": "2",
	"parallel_tool_calls": "true", "prediction": `{"type":"content","content":"x"}`, "presence_penalty": "0.5",
	"prompt_cache_key": `"k"`, "prompt_cache_options": `{"mode":"explicit"}`, "prompt_cache_retention": `"24h"`,
	"reasoning_effort": `"low"`, "response_format": `{"type":"json_object"}`, "safety_identifier": `"s"`, "seed": "1",
	"service_tier": `"auto"`, "stop": `"x"`, "store": "true", "stream": "true", "stream_options": `{"include_usage":true}`,
	"suffix": `"s"`, "temperature": "0.5", "tool_choice": `"none"`, "tools": `[{"type":"function","function":{"name":"f"}}]`,
	"top_logprobs": "0", "top_p": "0.5", "user": `"u"`, "verbosity": `"low"`, "web_search_options": "{}",
}

// wrong is no value of any field.
const wrong = `[{"wrong":[]}]`

// No field of the client's requests is missing in the documentation, and it tells the truth of each: what is honoured
// is read, so that a value that makes no sense is refused; what is ignored may be anything; what is refused is.
func TestEveryFieldOfOpenAIIsDocumented(t *testing.T) {
	models := map[string]channel.Model{"m": routertest.Model(t, fake.ModelConfig{Answer: `{"a":1}`})}
	d := startSet(t, routertest.NewBackends(t), models, map[string]channel.Spec{"m": {}}, api.Options{})
	for _, c := range []struct {
		heading, path string
		fields        []string
		least         map[string]string // a request's required fields
		logprobs      string
	}{
		{"Chat completions", "/v1/chat/completions", fieldsOf(openai.ChatCompletionNewParams{}), map[string]string{"model": `"m"`, "messages": `[{"role":"user","content":"x"}]`}, "true"},
		{"Text completions", "/v1/completions", fieldsOf(openai.CompletionNewParams{}), map[string]string{"model": `"m"`, "prompt": `"x"`}, "1"},
	} {
		t.Run(c.heading, func(t *testing.T) {
			says := documented(t, c.heading)
			for _, field := range c.fields {
				require.Contains(t, says, field, "docs/api.md says nothing of a field")
			}
			require.Len(t, says, len(c.fields), "docs/api.md tells of fields that the client does not have")
			ask := func(field, value string) answer {
				body := map[string]json.RawMessage{}
				for key, value := range c.least {
					body[key] = json.RawMessage(value)
				}
				if value != "" {
					body[field] = json.RawMessage(value)
				}
				raw, err := json.Marshal(body)
				require.NoError(t, err)
				return d.post(t, c.path, string(raw))
			}
			for _, field := range c.fields {
				sample := samples[field]
				if field == "logprobs" {
					sample = c.logprobs
				}
				if _, required := c.least[field]; !required {
					require.NotEmpty(t, sample, "no sample of %s", field)
				}
				good, bad := ask(field, sample), ask(field, wrong)
				switch says[field] {
				case "honoured":
					if field == "suffix" {
						assert.Equal(t, 400, good.status, "the model cannot")
					} else {
						assert.Equal(t, 200, good.status, "%s: %s", field, good.body)
					}
					assert.Equal(t, 400, bad.status, "%s is not read", field)
					assert.Contains(t, text(bad.error(t).Param), field)
				case "ignored":
					assert.Equal(t, 200, good.status, "%s: %s", field, good.body)
					assert.Equal(t, 200, bad.status, "%s: %s", field, bad.body)
				case "refused":
					assert.Equal(t, 400, good.status, field)
					assert.Equal(t, "unsupported_value", text(good.error(t).Code))
					assert.Equal(t, field, text(good.error(t).Param))
				}
			}
		})
	}
}
