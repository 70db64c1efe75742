package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/compare"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
)

const compareBody = `{"channels": ["m", "m"], "prompts": [{"messages": [{"role": "user", "content": "hello"}]}], "rounds": 2, "tokens": 4%s}`

func TestCompare(t *testing.T) {
	d := start(t, fake.ModelConfig{AnswerTokens: 4}, channel.Spec{})
	body := strings.Replace(compareBody, "%s", `, "text": "A cat sat in the house.", "fail_if": ["top1_pct > 50"]`, 1)
	got := d.post(t, "/v1/kakeya/compare", body)
	require.Equal(t, 200, got.status, got.body)
	assert.Equal(t, "text/event-stream; charset=utf-8", got.header.Get("Content-Type"))
	stages := map[string]int{}
	var last compare.Completed
	for _, event := range strings.Split(strings.TrimSuffix(got.body, "\n\n"), "\n\n") {
		_, data, _ := strings.Cut(event, "\ndata: ")
		var progress compare.Progress
		require.NoError(t, json.Unmarshal([]byte(data), &progress))
		stages[progress.Stage]++
		require.NoError(t, json.Unmarshal([]byte(data), &last))
	}
	assert.Equal(t, map[string]int{"loading": 2, "asking": 4, "scoring": 2, "parking": 2, "": 1}, stages)
	require.NotNil(t, last.Report)
	assert.Equal(t, compare.Schema, last.Report.Schema)
	require.Len(t, last.Report.Channels, 2)
	assert.Len(t, last.Report.Samples, 4)
	assert.Equal(t, 1, last.Report.Channels[1].Outputs.Equal)
	assert.InDelta(t, 0, last.Report.Channels[1].Agreement.KL.Value, 1e-3)
	require.Len(t, last.Failures, 1)
	assert.Equal(t, "top1_pct > 50", last.Failures[0].Condition)
	assert.Zero(t, d.router.Stats(t.Context()).Models[0].Leases, "nothing is held")
}

func TestCompareRefuses(t *testing.T) {
	d := start(t, fake.ModelConfig{AnswerTokens: 4}, channel.Spec{})
	for body, want := range map[string]string{
		`{"channels": ["m"]}`:                           "channels",
		`{"channels": ["m", "m"], "speed": 1}`:          "speed",
		`{"channels": ["m", "m"], "fail_if": ["kl >"]}`: "is not one such as",
		`{"channels": ["m", "m"], "rounds": 1000}`:      "rounds",
		`{"channels": ["m", "m"], "per_kind": 9999}`:    "built-in prompts",
		`{"channels": ["m", "m"], "level": 2}`:          "level",
		`{"channels": ["m", "m"], "prompt": "x", "prompts": [{"messages": [{"role": "user", "content": "hello"}]}]}`: "both",
	} {
		got := d.do(t, http.MethodPost, "/v1/kakeya/compare", body)
		assert.Equal(t, 400, got.status, body)
		assert.Contains(t, got.error(t).Message, want)
	}
	got := d.post(t, "/v1/kakeya/compare", `{"channels": ["m", "n"]}`)
	assert.Equal(t, 404, got.status)
}

// A comparison of which a condition's metric was not measured ends in an error, as on the command line.
func TestCompareConditionThatWasNotMeasured(t *testing.T) {
	d := start(t, fake.ModelConfig{AnswerTokens: 4}, channel.Spec{})
	got := d.post(t, "/v1/kakeya/compare", strings.Replace(compareBody, "%s", `, "no_scores": true, "fail_if": ["kl > 1"]`, 1))
	require.Equal(t, 200, got.status)
	assert.Contains(t, got.body, "kl of m (2) was not measured")
	assert.NotContains(t, got.body, "compare.completed")
}

// One comparison runs at a time; it needs a key as all else; and it ends, and holds nothing more, when
// its client goes away.
func TestCompareOneAtATime(t *testing.T) {
	d := with(t, fake.ModelConfig{Hang: "generate", AfterTokens: 1, AnswerTokens: 9}, api.Options{Keys: []string{"a"}})
	body := strings.Replace(compareBody, "%s", "", 1)
	assert.Equal(t, 401, d.post(t, "/v1/kakeya/compare", body).status)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/v1/kakeya/compare", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer a")
	first, err := d.client.Do(req)
	require.NoError(t, err)
	defer first.Body.Close()
	_, err = bufio.NewReader(first.Body).ReadString('\n')
	require.NoError(t, err)
	second := d.do(t, http.MethodPost, "/v1/kakeya/compare", body, "Authorization", "Bearer a")
	assert.Equal(t, 429, second.status)
	assert.Contains(t, second.error(t).Message, "another comparison runs")
	leave()
	_, _ = io.Copy(io.Discard, first.Body)
	require.Eventually(t, func() bool {
		got := d.do(t, http.MethodPost, "/v1/kakeya/compare", `{"channels": ["m", "nobody"]}`, "Authorization", "Bearer a")
		stats := d.router.Stats(t.Context())
		return got.status == 404 && (len(stats.Models) == 0 || stats.Models[0].Leases == 0)
	}, time.Minute, time.Millisecond, "the first is over")
}
