package api_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

// fetch asks as browsers do, outside the API that is described: the page is no part of it.
func fetch(t *testing.T, d *daemon, method, path string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, d.url+path, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func TestPageIsServedToAnyoneUnderAStrictPolicy(t *testing.T) {
	d := startSet(t, routertest.NewBackends(t), map[string]channel.Model{"m": routertest.Model(t, fake.ModelConfig{})},
		map[string]channel.Spec{"m": {}}, api.Options{Keys: []string{"secret"}})
	root, page := fetch(t, d, http.MethodGet, "/"), fetch(t, d, http.MethodGet, "/chat.html")
	require.Equal(t, 200, page.status, "the page is where one enters the key")
	assert.Equal(t, root.body, page.body)
	assert.Equal(t, "text/html; charset=utf-8", page.header.Get("Content-Type"))
	policy := page.header.Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'none'")
	assert.NotContains(t, policy, "unsafe")
	assert.Equal(t, "nosniff", page.header.Get("X-Content-Type-Options"))

	for _, link := range regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllStringSubmatch(page.body, -1) {
		got := fetch(t, d, http.MethodGet, "/"+link[1])
		assert.Equal(t, 200, got.status, link[1])
		assert.Equal(t, 200, fetch(t, d, http.MethodHead, "/"+link[1]).status)
	}
	again := fetch(t, d, http.MethodGet, "/chat.html", "If-None-Match", page.header.Get("ETag"))
	assert.Equal(t, 304, again.status)
	assert.Empty(t, again.body)

	small := fetch(t, d, http.MethodGet, "/web/js/main.js", "Accept-Encoding", "gzip")
	require.Equal(t, "gzip", small.header.Get("Content-Encoding"))
	r, err := gzip.NewReader(strings.NewReader(small.body))
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, fetch(t, d, http.MethodGet, "/web/js/main.js", "Accept-Encoding", "identity").body, string(text))
	assert.Equal(t, "text/javascript; charset=utf-8", small.header.Get("Content-Type"))

	assert.Equal(t, 401, d.do(t, http.MethodGet, "/v1/models", "").status)
	assert.Equal(t, 404, fetch(t, d, http.MethodGet, "/web/js/../../api.go", "Authorization", "Bearer secret").status)
}

func TestCodecPageMayCompileTheCodecAndNoMore(t *testing.T) {
	d := start(t, fake.ModelConfig{}, channel.Spec{})
	page := fetch(t, d, http.MethodGet, "/codec.html")
	require.Equal(t, 200, page.status)
	policy := page.header.Get("Content-Security-Policy")
	assert.Contains(t, policy, "script-src 'self' 'wasm-unsafe-eval';")
	assert.Equal(t, 1, strings.Count(policy, "unsafe"))
	assert.Contains(t, policy, "default-src 'none'")
	for _, link := range regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllStringSubmatch(page.body, -1) {
		if !strings.HasPrefix(link[1], "web/codec/") { // that is built, and may not be there
			assert.Equal(t, 200, fetch(t, d, http.MethodGet, "/"+link[1]).status, link[1])
		}
	}
	assert.Equal(t, 404, fetch(t, d, http.MethodGet, "/web/codec.html").status, "one page, one policy")
}

func TestPageMayCallItsServerWhereOtherPagesAreNamed(t *testing.T) {
	d := startSet(t, routertest.NewBackends(t), map[string]channel.Model{"m": routertest.Model(t, fake.ModelConfig{})},
		map[string]channel.Spec{"m": {}}, api.Options{Origins: []string{"https://chat.example"}})
	for origin, status := range map[string]int{"http://localhost:8317": 200, "http://localhost:9999": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/v1/models", nil)
		require.NoError(t, err)
		req.Host = "localhost:8317"
		req.Header.Set("Origin", origin)
		resp, err := d.client.Do(req)
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.Equal(t, status, resp.StatusCode, origin)
	}
}

func TestPageMayCallItsServerAtAnAddress(t *testing.T) {
	d := start(t, fake.ModelConfig{Answer: "hi"}, channel.Spec{})
	for origin, status := range map[string]int{
		"http://192.168.1.20:8317": 200,
		"http://[fd00::2]:8317":    200,
		"http://192.168.1.20:9999": 403, // another server's page
		"http://kakeyad.example":   403, // a name that leads here is no proof
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/v1/chat/completions", strings.NewReader(chatBody))
		require.NoError(t, err)
		req.Host = strings.TrimPrefix(origin, "http://")
		if status == 403 && strings.Contains(origin, "9999") {
			req.Host = "192.168.1.20:8317"
		}
		req.Header.Set("Origin", origin)
		resp, err := d.client.Do(req)
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.Equal(t, status, resp.StatusCode, origin)
	}
}
