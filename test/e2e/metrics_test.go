package e2e

import (
	"context"
	"net/http"
	"syscall"
	"testing"

	"github.com/openai/openai-go/v3"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// metrics are the daemon's, as Prometheus reads them.
func (d *daemon) metrics() map[string]*dto.MetricFamily {
	d.t.Helper()
	resp, err := http.Get(d.url + "/metrics")
	require.NoError(d.t, err)
	defer resp.Body.Close()
	require.Equal(d.t, 200, resp.StatusCode)
	require.Equal(d.t, "text/plain; version=0.0.4; charset=utf-8", resp.Header.Get("Content-Type"))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	require.NoError(d.t, err)
	return families
}

// total adds up the values of a metric that have these labels; of a histogram, its observations.
func total(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	sum := 0.0
	for _, m := range families[name].GetMetric() {
		has := map[string]string{}
		for _, l := range m.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		fits := true
		for i := 0; i+1 < len(labels); i += 2 {
			fits = fits && has[labels[i]] == labels[i+1]
		}
		if fits {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// The figures of /metrics are those of what happened.
func TestMetrics(t *testing.T) {
	d := start(t, "server: {max_streams: 1, queue: 8}"+oneModel)
	client := d.client()
	plain, err := client.Chat.Completions.New(t.Context(), chatParams("What is the capital of France?"))
	require.NoError(t, err)
	_, _, usage := streamed(t, client, chatParams("What is the capital of Italy?"))
	status, _ := d.troubleOf("nobody", "hello")
	require.Equal(t, 404, status)

	m := d.metrics()
	chat := []string{"path", "/v1/chat/completions", "status"}
	assert.EqualValues(t, 2, total(m, "kakeyad_http_requests_total", append(chat, "200")...))
	assert.EqualValues(t, 1, total(m, "kakeyad_http_requests_total", append(chat, "404")...))
	assert.EqualValues(t, 3, total(m, "kakeyad_http_request_seconds", "path", "/v1/chat/completions"))
	channel := []string{"channel", smollm2}
	assert.EqualValues(t, 2, total(m, "kakeyad_channel_requests_total", channel...))
	assert.EqualValues(t, plain.Usage.PromptTokens+usage.PromptTokens, total(m, "kakeyad_channel_prompt_tokens_total", channel...))
	assert.EqualValues(t, plain.Usage.CompletionTokens+usage.CompletionTokens, total(m, "kakeyad_channel_output_tokens_total", channel...))
	assert.EqualValues(t, plain.Usage.PromptTokensDetails.CachedTokens+usage.PromptTokensDetails.CachedTokens, total(m, "kakeyad_channel_cached_tokens_total", channel...))
	assert.EqualValues(t, 2, total(m, "kakeyad_first_token_seconds", channel...), "one for each answer")
	assert.Positive(t, total(m, "kakeyad_next_token_seconds", channel...))
	assert.Equal(t, total(m, "kakeyad_model_bytes"), total(m, "kakeyad_memory_used_bytes"))
	assert.Greater(t, total(m, "kakeyad_model_bytes"), 1e8)
	assert.Greater(t, total(m, "kakeyad_memory_budget_bytes"), total(m, "kakeyad_memory_used_bytes"))
	assert.EqualValues(t, 1, total(m, "kakeyad_model_loaded"))
	assert.Positive(t, total(m, "kakeyad_model_steps_total"))
	assert.GreaterOrEqual(t, total(m, "kakeyad_model_step_tokens_total"), total(m, "kakeyad_model_steps_total"), "a step has a token at least: the batch size is their ratio")
	for _, name := range []string{"kakeyad_requests_running", "kakeyad_requests_waiting", "kakeyad_loads_waiting", "kakeyad_model_queued_requests", "kakeyad_model_active_requests"} {
		require.Contains(t, m, name)
		assert.Zero(t, total(m, name), name)
	}
	assert.Zero(t, total(m, "kakeyad_plugin_restarts_total", "kind", "backend", "plugin", "llamacpp"))
	assert.EqualValues(t, 1, total(m, "kakeyad_plugin_running", "kind", "backend", "plugin", "llamacpp"))
	assert.Greater(t, total(m, "kakeyad_plugin_resident_bytes", "kind", "backend", "plugin", "llamacpp"), 5e7)

	ctx, cancel := context.WithCancel(t.Context())
	long := chatParams("Write a very long story about the sea.")
	long.MaxTokens = openai.Int(1500)
	long.SetExtraFields(map[string]any{"ignore_eos": true})
	first := client.Chat.Completions.NewStreaming(ctx, long)
	defer first.Close()
	require.True(t, first.Next(), "%v", first.Err())
	second := make(chan error, 1)
	go func() {
		_, err := client.Chat.Completions.New(t.Context(), chatParams("Hello"))
		second <- err
	}()
	d.eventually("a request to wait", func() bool { return total(d.metrics(), "kakeyad_requests_waiting") == 1 })
	m = d.metrics()
	assert.EqualValues(t, 2, total(m, "kakeyad_requests_running"))
	assert.EqualValues(t, 1, total(m, "kakeyad_model_active_requests"))
	cancel()
	require.NoError(t, <-second)
	d.eventually("the first to be over", func() bool { return total(d.metrics(), "kakeyad_channel_cancelled_total", channel...) == 1 })

	require.NoError(t, syscall.Kill(d.backendPID(), syscall.SIGKILL))
	d.eventually("the restart", func() bool {
		return total(d.metrics(), "kakeyad_plugin_restarts_total", "kind", "backend", "plugin", "llamacpp") == 1
	})
}
