package api_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
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

// with serves one model with options.
func with(t *testing.T, m fake.ModelConfig, o api.Options) *daemon {
	t.Helper()
	return startSet(t, routertest.NewBackends(t), map[string]channel.Model{"m": routertest.Model(t, m)}, map[string]channel.Spec{"m": {}}, o)
}

func TestKeys(t *testing.T) {
	d := with(t, fake.ModelConfig{Answer: "x"}, api.Options{Keys: []string{"one", "two", ""}})
	for _, c := range []struct {
		path, header, value string
		status              int
	}{
		{"/v1/models", "", "", 401},
		{"/v1/models", "Authorization", "Bearer one", 200},
		{"/v1/models", "Authorization", "Bearer two", 200},
		{"/v1/models", "Authorization", "Bearer ", 401},
		{"/v1/models", "Authorization", "Bearer onE", 401},
		{"/v1/models", "x-api-key", "two", 200},
		{"/metrics", "", "", 401},
		{"/health", "", "", 200},
		{"/readyz", "", "", 200},
	} {
		require.Eventually(t, d.router.Ready, 10*time.Second, time.Millisecond)
		var header []string
		if c.header != "" {
			header = []string{c.header, c.value}
		}
		got := d.do(t, http.MethodGet, c.path, "", header...)
		assert.Equal(t, c.status, got.status, "%s %s %s", c.path, c.header, c.value)
		if c.status == 401 {
			assert.Equal(t, "invalid_api_key", text(got.error(t).Code))
			assert.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
		}
	}
	messages := d.post(t, "/v1/messages", "{}")
	assert.Equal(t, 401, messages.status)
	assert.Contains(t, messages.body, `"type":"authentication_error"`)

	d.server.SetKeys([]string{"three"})
	assert.Equal(t, 401, d.do(t, http.MethodGet, "/v1/models", "", "Authorization", "Bearer one").status)
	assert.Equal(t, 200, d.do(t, http.MethodGet, "/v1/models", "", "Authorization", "Bearer three").status)
	d.server.SetKeys(nil)
	assert.Equal(t, 200, d.do(t, http.MethodGet, "/v1/models", "").status)
}

func TestLimits(t *testing.T) {
	hang := fake.ModelConfig{Hang: "generate", AfterTokens: 1, AnswerTokens: 9}
	t.Run("no queue", func(t *testing.T) {
		d := with(t, hang, api.Options{Limits: api.Limits{Requests: 1}})
		_, body := d.open(t.Context(), t, streamBody)
		got := d.post(t, "/v1/chat/completions", chatBody)
		require.NoError(t, body.Close())
		assert.Equal(t, 429, got.status)
		assert.Equal(t, "1", got.header.Get("Retry-After"))
	})
	t.Run("the wait ends", func(t *testing.T) {
		d := with(t, hang, api.Options{Limits: api.Limits{Requests: 1, Queue: 1, QueueWait: time.Millisecond}})
		_, body := d.open(t.Context(), t, streamBody)
		got := d.post(t, "/v1/chat/completions", chatBody)
		require.NoError(t, body.Close())
		assert.Equal(t, 429, got.status)
		assert.Contains(t, got.error(t).Message, "1ms")
	})
	t.Run("a place becomes free", func(t *testing.T) {
		d := with(t, fake.ModelConfig{AnswerTokens: 5, TokensPerSecond: 100}, api.Options{Limits: api.Limits{Requests: 1, Queue: 1}})
		_, body := d.open(t.Context(), t, streamBody)
		got := d.post(t, "/v1/chat/completions", chatBody)
		require.NoError(t, body.Close())
		assert.Equal(t, 200, got.status)
	})
	t.Run("of one key", func(t *testing.T) {
		d := with(t, fake.ModelConfig{Hang: "generate", AfterTokens: 1, AnswerTokens: 9, Once: t.TempDir() + "/hung"},
			api.Options{Keys: []string{"a", "b"}, Limits: api.Limits{RequestsPerKey: 1}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/v1/chat/completions", strings.NewReader(streamBody))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer a")
		resp, err := d.client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Equal(t, 429, d.do(t, http.MethodPost, "/v1/chat/completions", chatBody, "Authorization", "Bearer a").status)
		assert.Equal(t, 200, d.do(t, http.MethodPost, "/v1/chat/completions", chatBody, "Authorization", "Bearer b").status)
	})
}

func TestCancelByID(t *testing.T) {
	d, ended := watched(t, fake.ModelConfig{Hang: "generate", AfterTokens: 1, AnswerTokens: 9}, api.Options{})
	_, body := d.open(t.Context(), t, streamBody)
	defer body.Close()
	var list struct {
		Requests []struct{ ID, Answer, Model, Path string }
	}
	require.NoError(t, json.Unmarshal([]byte(d.do(t, http.MethodGet, "/v1/kakeya/requests", "").body), &list))
	require.Len(t, list.Requests, 1)
	assert.Equal(t, "m", list.Requests[0].Model)
	assert.Equal(t, "/v1/chat/completions", list.Requests[0].Path)
	assert.Equal(t, 404, d.do(t, http.MethodDelete, "/v1/kakeya/requests/nobody", "").status)
	got := d.post(t, "/v1/kakeya/requests/"+list.Requests[0].Answer+"/cancel", "")
	assert.Equal(t, 200, got.status)
	assert.Contains(t, got.body, `"cancelled":1`)
	endsCancelled(t, ended)
}

func TestCancelTellsTheClient(t *testing.T) {
	d, _ := watched(t, fake.ModelConfig{Hang: "generate", AfterTokens: 1, AnswerTokens: 9}, api.Options{})
	answered := make(chan answer, 1)
	go func() { answered <- d.do(t, http.MethodPost, "/v1/chat/completions", chatBody, "X-Request-Id", "mine") }()
	require.Eventually(t, func() bool { return d.do(t, http.MethodDelete, "/v1/kakeya/requests/mine", "").status == 200 }, 10*time.Second, time.Millisecond)
	got := <-answered
	assert.Equal(t, 499, got.status)
	assert.Equal(t, "request_cancelled", text(got.error(t).Code))
}

func TestRequestTimeout(t *testing.T) {
	d := with(t, fake.ModelConfig{Hang: "generate"}, api.Options{Timeout: 20 * time.Millisecond})
	got := d.post(t, "/v1/chat/completions", chatBody)
	assert.Equal(t, 504, got.status)
	assert.Contains(t, got.error(t).Message, "20ms")
}

// TestTLSClientGoesAway holds the watch to see a goodbye that comes as an alert.
func TestTLSClientGoesAway(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		ended := make(chan error, 1)
		b := routertest.NewBackends(t)
		b.Generated = func(_ backend.GenerateRequest, err error) { ended <- err }
		r := routertest.Router(t, b, routertest.Set(t, map[string]channel.Model{"m": routertest.Model(t, fake.ModelConfig{Hang: "generate", AfterTokens: 1, AnswerTokens: 9})}, map[string]channel.Spec{"m": {}}))
		s := api.New(api.Options{Router: r, Logger: slog.New(slog.DiscardHandler)})
		ours := httptest.NewUnstartedServer(nil) // for its certificate
		ours.StartTLS()
		ln, err := tls.Listen("tcp", "127.0.0.1:0", ours.TLS)
		ours.Close()
		require.NoError(t, err)
		served := make(chan error, 1)
		go func() { served <- s.Serve(ln) }()
		conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(streamBody), streamBody)
		require.NoError(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, line, "200")
		require.NoError(t, conn.Close())
		endsCancelled(t, ended)
		require.NoError(t, s.Shutdown(t.Context()))
		require.NoError(t, <-served)
	}
}

func TestLoadAndUnload(t *testing.T) {
	d := start(t, fake.ModelConfig{Answer: "x"}, channel.Spec{})
	assert.Contains(t, d.post(t, "/v1/kakeya/unload", `{"model":"m"}`).body, `"state":"unloaded"`)
	got := d.post(t, "/v1/kakeya/load", `{"model":"m"}`)
	assert.Equal(t, 200, got.status)
	assert.Contains(t, got.body, `"state":"loaded"`)
	assert.Contains(t, d.post(t, "/v1/kakeya/unload", `{"model":"m"}`).body, `"state":"unloaded"`)
	assert.Equal(t, 404, d.post(t, "/v1/kakeya/load", `{"model":"x"}`).status)
}

func TestMetrics(t *testing.T) {
	d := with(t, fake.ModelConfig{Answer: "one two"}, api.Options{
		Plugins: func() []api.PluginStatus {
			return []api.PluginStatus{{Kind: "backend", Name: "fake", Running: true, Restarts: 2}}
		},
	})
	require.Equal(t, 200, d.post(t, "/v1/chat/completions", chatBody).status)
	require.Equal(t, 404, d.post(t, "/nowhere/7", "").status)
	got := d.do(t, http.MethodGet, "/metrics", "")
	require.Equal(t, 200, got.status)
	for _, line := range []string{
		`kakeyad_http_requests_total{path="/v1/chat/completions",status="200"} 1`,
		`kakeyad_http_requests_total{path="none",status="404"} 1`,
		`kakeyad_first_token_seconds_count{channel="m"} 1`,
		`kakeyad_channel_requests_total{channel="m"} 1`,
		`kakeyad_plugin_restarts_total{kind="backend",plugin="fake"} 2`,
		`kakeyad_next_token_seconds_bucket{channel="m"`, `kakeyad_model_steps_total{`, `kakeyad_memory_used_bytes`, `go_goroutines`,
	} {
		assert.Contains(t, got.body, line)
	}
}

func TestTheOnlyModelNeedsNoName(t *testing.T) {
	d := start(t, fake.ModelConfig{}, channel.Spec{})
	assert.JSONEq(t, `{"tokens":[97]}`, d.post(t, "/tokenize", `{"content":"a"}`).body)
	assert.Contains(t, d.post(t, "/apply-template", `{"messages":[{"role":"user","content":"a"}]}`).body, `<|im_start|>user\na`)
}
