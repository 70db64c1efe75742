package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
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

// watched starts a daemon that tells how each generation ended in the backend.
func watched(t *testing.T, m fake.ModelConfig, o api.Options) (*daemon, <-chan error) {
	ended := make(chan error, 100)
	b := routertest.NewBackends(t)
	b.Generated = func(_ backend.GenerateRequest, err error) { ended <- err }
	d := startSet(t, b, map[string]channel.Model{"m": routertest.Model(t, m)}, map[string]channel.Spec{"m": {Load: backend.LoadOptions{Context: 1 << 18}}}, o)
	return d, ended
}

// endsCancelled waits for the backend to see the cancel.
func endsCancelled(t *testing.T, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		require.ErrorContains(t, err, "canceled")
	case <-time.After(10 * time.Second):
		t.Fatal("the backend was not told")
	}
}

func TestClientGoesAway(t *testing.T) {
	hang := fake.ModelConfig{Hang: "generate", AfterTokens: 2, AnswerTokens: 9}
	t.Run("in mid-stream, with nothing to write", func(t *testing.T) {
		d, ended := watched(t, hang, api.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		d.open(ctx, t, streamBody)
		cancel()
		endsCancelled(t, ended)
	})
	t.Run("in mid-stream, with much to write", func(t *testing.T) {
		d, ended := watched(t, fake.ModelConfig{AnswerTokens: 1 << 20, TrainContext: 1 << 22, TokensPerSecond: 2000}, api.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		d.open(ctx, t, streamBody)
		cancel()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the backend was not told")
		}
	})
	for name, body := range map[string]string{"stream": streamBody, "no stream": chatBody} {
		t.Run("in prefill, "+name, func(t *testing.T) {
			d, ended := watched(t, fake.ModelConfig{PrefillPerSecond: 0.001}, api.Options{})
			conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
			require.NoError(t, err)
			_, err = fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				s := d.router.Stats(t.Context())
				return len(s.Models) == 1 && s.Models[0].Backend.Active == 1
			}, 10*time.Second, time.Millisecond)
			require.NoError(t, conn.Close())
			endsCancelled(t, ended)
		})
	}
}

func TestKeepAliveSurvivesTheWatch(t *testing.T) {
	d := start(t, fake.ModelConfig{Answer: "x"}, channel.Spec{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	r := bufio.NewReader(conn)
	for i, body := range []string{chatBody, streamBody, chatBody, streamBody} {
		_, err = fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		require.NoError(t, err)
		resp, err := http.ReadResponse(r, nil)
		require.NoError(t, err, i)
		data, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Contains(t, string(data), `"finish_reason":"stop"`)
	}
}

func TestPipelinedRequestsAreAllAnswered(t *testing.T) {
	d := start(t, fake.ModelConfig{Answer: "x"}, channel.Spec{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	var all strings.Builder
	for range 5 {
		for _, body := range []string{chatBody, streamBody} {
			fmt.Fprintf(&all, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	}
	_, err = io.WriteString(conn, all.String())
	require.NoError(t, err)
	r := bufio.NewReader(conn)
	for i := range 10 {
		resp, err := http.ReadResponse(r, nil)
		require.NoError(t, err, i)
		data, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, 200, resp.StatusCode)
		assert.Contains(t, string(data), `"finish_reason":"stop"`)
	}
}

func TestSlowClientGetsItAll(t *testing.T) {
	const tokens = 3000
	d := start(t, fake.ModelConfig{AnswerTokens: tokens, TrainContext: 1 << 16}, channel.Spec{Load: backend.LoadOptions{Context: 1 << 15}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(streamBody), streamBody)
	require.NoError(t, err)
	// Another client is served to its end while the first has read nothing.
	other := d.post(t, "/v1/chat/completions", `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hello"}]}`)
	assert.Equal(t, 200, other.status)
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(1<<20)) // a tiny window would make the rest take minutes
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Contains(t, string(data), fmt.Sprintf(`"predicted_n":%d`, tokens))
	assert.True(t, strings.HasSuffix(string(data), "data: [DONE]\n\n"))
}

func TestStalledClientIsGivenUp(t *testing.T) {
	d, ended := watched(t, fake.ModelConfig{AnswerTokens: 1 << 20, TrainContext: 1 << 22}, api.Options{StallTimeout: 50 * time.Millisecond})
	body := strings.Replace(streamBody, "{", `{"logprobs":true,"top_logprobs":20,"ignore_eos":true,`, 1)
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	require.NoError(t, err)
	endsCancelled(t, ended)
}

func TestManyStreams(t *testing.T) {
	d := startSet(t, routertest.NewBackends(t),
		map[string]channel.Model{"m": routertest.Model(t, fake.ModelConfig{AnswerTokens: 40})},
		map[string]channel.Spec{"m": {Load: backend.LoadOptions{Parallel: 64}}}, api.Options{})
	var wait sync.WaitGroup
	for i := range 64 {
		wait.Go(func() {
			if i%3 == 0 {
				ctx, cancel := context.WithCancel(t.Context())
				d.open(ctx, t, streamBody)
				cancel()
				return
			}
			got := d.post(t, "/v1/chat/completions", streamBody)
			events := got.events(t)
			assert.Equal(t, "[DONE]", events[len(events)-1])
			assert.Contains(t, got.body, `"predicted_n":40,`)
		})
	}
	wait.Wait()
	assert.Eventually(t, func() bool {
		s := d.router.Stats(t.Context())
		return len(s.Models) == 1 && s.Models[0].Leases == 0 && s.Models[0].Backend.Active == 0
	}, 10*time.Second, time.Millisecond, "every lease is given back")
}

func TestShutdownLetsStreamsFinish(t *testing.T) {
	d := start(t, fake.ModelConfig{AnswerTokens: 60, TokensPerSecond: 300}, channel.Spec{})
	r, body := d.open(t.Context(), t, streamBody)
	down := make(chan struct{})
	go func() { defer close(down); d.shutdown() }()
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	assert.True(t, strings.HasSuffix(string(rest), "data: [DONE]\n\n"))
	<-down
}

func TestShutdownCutsStreamsShort(t *testing.T) {
	d, ended := watched(t, fake.ModelConfig{Hang: "generate", AfterTokens: 1, AnswerTokens: 9}, api.Options{})
	r, body := d.open(t.Context(), t, streamBody)
	grace, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, d.server.Shutdown(grace))
	rest, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	assert.Contains(t, string(rest), `"code":"shutting_down"`)
	assert.NotContains(t, string(rest), "[DONE]")
	endsCancelled(t, ended)
}

func TestAccessLogAndRequestID(t *testing.T) {
	var log syncBuffer
	d := startSet(t, routertest.NewBackends(t), map[string]channel.Model{"m": routertest.Model(t, fake.ModelConfig{Answer: "x"})},
		map[string]channel.Spec{"m": {}}, api.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	got := d.do(t, http.MethodPost, "/v1/chat/completions", streamBody, "X-Request-Id", "mine-1")
	assert.Equal(t, "mine-1", got.header.Get("X-Request-Id"))
	d.do(t, http.MethodGet, "/livez", "")
	got = d.do(t, http.MethodGet, "/v1/models", "", "X-Request-Id", strings.Repeat("x", 200))
	assert.Len(t, got.header.Get("X-Request-Id"), 32, "too long to repeat")
	d.shutdown()
	assert.Contains(t, log.String(), "id=mine-1")
	assert.Contains(t, log.String(), "output_tokens=2")
	assert.Contains(t, log.String(), "status=200")
	assert.NotContains(t, log.String(), "/livez")
	assert.Regexp(t, `took_ms=\d+\.?\d* `, log.String())
}

func TestProbesAreNotErrors(t *testing.T) {
	var log syncBuffer
	d := startSet(t, routertest.NewBackends(t), map[string]channel.Model{"m": routertest.Model(t, fake.ModelConfig{Hang: "load"})},
		map[string]channel.Spec{"m": {Preload: true}}, api.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.Equal(t, 503, d.do(t, http.MethodGet, "/readyz", "").status)
	d.shutdown()
	assert.NotContains(t, log.String(), "/readyz")
}

// syncBuffer is a buffer that a log may write to from anywhere.
type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
