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

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
)

var rewrite = flag.Bool("rewrite", false, "write the transcripts in testdata anew")

// varying are the parts of an answer that differ from run to run.
var varying = []struct{ pattern, stands string }{
	{`"id":"(chatcmpl|cmpl)-[0-9a-f]{24}"`, `"id":"$1-ID"`},
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
// The first line of a request is its path, the rest its body.
func TestTranscripts(t *testing.T) {
	d := start(t, fake.ModelConfig{Answer: "Grüße, 世界 🙂!\n\"</html>\""}, channel.Spec{Sampling: backend.Sampling{}})
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
				for _, e := range got.events(t) {
					require.True(t, e == "[DONE]" || json.Valid([]byte(e)), e)
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
