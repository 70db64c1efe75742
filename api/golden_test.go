package api_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

var rewrite = flag.Bool("rewrite", false, "write the transcripts in testdata anew")

// varying are the parts of an answer that differ from run to run.
var varying = []struct{ pattern, stands string }{
	{`"id":"(chatcmpl|cmpl)-[0-9a-f]{24}"`, `"id":"$1-ID"`},
	{`"(id|call_id)":"(toolu_|)[A-Za-z0-9]{9}"`, `"$1":"${2}CALL"`},
	{`"(id|item_id)":"(resp|msg|fc|rs)_[0-9a-f]{24}"`, `"$1":"${2}_ID"`},
	{`"created_at":\d+`, `"created_at":TIME`},
	{`"created":\d+`, `"created":TIME`},
	{`"system_fingerprint":"fp_[0-9a-f]{16}"`, `"system_fingerprint":"fp_ID"`},
	{`_(ms|per_second)":\d+\.\d{3}`, `_$1":FLOAT`},
	{`_per_token_ms":\d+\.\d{3}`, `_per_token_ms":FLOAT`},
}

func settle(body string) string {
	for _, v := range varying {
		body = regexp.MustCompile(v.pattern).ReplaceAllString(body, v.stands)
	}
	return body
}

// TestTranscripts sends testdata/*.request and compares the whole answer with the transcript beside it.
// The first line of a request is its path, the rest its body. The model "calls" calls functions and
// "thinks" thinks.
func TestTranscripts(t *testing.T) {
	models := map[string]channel.Model{}
	for name, m := range map[string]fake.ModelConfig{
		"m": {Answer: "Grüße, 世界 🙂!\n\"</html>\""},
		"calls": {
			ChatTemplate: "{% for t in tools %}{{ t | tojson }}\n{% endfor %}{% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}{% endfor %}\n{% endfor %}",
			Answer:       "So:\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Ulm\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>",
		},
		"thinks": {ChatTemplate: "{% for m in messages %}{{ m.content }}{% endfor %}{# <think> #}", Answer: "<think>\nhm\n</think>\n\nYes."},
	} {
		models[name] = routertest.Model(t, m)
	}
	d := startSet(t, routertest.NewBackends(t), models, map[string]channel.Spec{"m": {}, "calls": {}, "thinks": {}}, api.Options{})
	requests, err := filepath.Glob("testdata/*.request")
	require.NoError(t, err)
	require.NotEmpty(t, requests)
	for _, file := range requests {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".request"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			path, body, _ := strings.Cut(string(text), "\n")
			got := d.post(t, path, body)
			if got.header.Get("Content-Type") == "application/json" {
				require.True(t, json.Valid([]byte(got.body)), got.body)
			} else {
				require.Equal(t, "text/event-stream; charset=utf-8", got.header.Get("Content-Type"))
				for _, e := range regexp.MustCompile(`(?m)^data: (.*)$`).FindAllStringSubmatch(got.body, -1) {
					require.True(t, e[1] == "[DONE]" || json.Valid([]byte(e[1])), e[1])
				}
			}
			for _, r := range got.body {
				require.Less(t, r, rune(0x80), "all output is ASCII")
			}
			golden := strings.TrimSuffix(file, ".request") + ".answer"
			actual := settle(got.body)
			if *rewrite {
				require.NoError(t, os.WriteFile(golden, []byte(actual), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), actual)
		})
	}
}
