package api_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

func TestModels(t *testing.T) {
	m := routertest.Model(t, fake.ModelConfig{Answer: "x"})
	d := startSet(t, routertest.NewBackends(t), map[string]channel.Model{"m": m},
		map[string]channel.Spec{"m": {Aliases: []string{"gpt"}}, "org/name": {Model: "m", SystemPrompt: "be kind"}}, api.Options{})

	var list struct {
		Object string
		Data   []struct {
			ID, Object string
			Created    int64
			OwnedBy    string `json:"owned_by"`
			Kakeya     struct {
				State   string
				Aliases []string
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(d.do(t, http.MethodGet, "/v1/models", "").body), &list))
	require.Len(t, list.Data, 2)
	assert.Equal(t, "list", list.Object)
	assert.Equal(t, "m", list.Data[0].ID)
	assert.Equal(t, "model", list.Data[0].Object)
	assert.EqualValues(t, 1_700_000_000, list.Data[0].Created)
	assert.Equal(t, []string{"gpt"}, list.Data[0].Kakeya.Aliases)
	assert.Equal(t, "unloaded", list.Data[0].Kakeya.State)

	require.Equal(t, 200, d.post(t, "/v1/chat/completions", chatBody).status)
	type model struct {
		ID     string
		Kakeya struct {
			State, Backend string
			SystemPrompt   string `json:"system_prompt"`
			Loaded         *struct {
				HeadDim int `json:"head_dim"`
				Context int
			}
		}
	}
	for _, path := range []string{"/v1/models/org/name", "/v1/models/org%2Fname"} {
		got := d.do(t, http.MethodGet, path, "")
		require.Equal(t, 200, got.status, got.body)
		var one model
		require.NoError(t, json.Unmarshal([]byte(got.body), &one))
		assert.Equal(t, "org/name", one.ID)
		assert.Equal(t, "fake", one.Kakeya.Backend)
		assert.Equal(t, "be kind", one.Kakeya.SystemPrompt)
		assert.Equal(t, "loaded", one.Kakeya.State)
		require.NotNil(t, one.Kakeya.Loaded)
		assert.NotZero(t, one.Kakeya.Loaded.Context)
	}
	var alias model
	require.NoError(t, json.Unmarshal([]byte(d.do(t, http.MethodGet, "/v1/models/gpt", "").body), &alias))
	assert.Equal(t, "m", alias.ID)

	missing := d.do(t, http.MethodGet, "/v1/models/org/nam", "")
	assert.Equal(t, 404, missing.status)
	assert.Contains(t, missing.error(t).Message, "org/name")

	channels := d.do(t, http.MethodGet, "/v1/kakeya/channels", "")
	assert.Equal(t, 200, channels.status)
	assert.Contains(t, channels.body, `"name":"org/name"`)

	stats := d.do(t, http.MethodGet, "/v1/kakeya/stats", "")
	assert.Equal(t, 200, stats.status)
	assert.Contains(t, stats.body, `"state":"ready"`)
	assert.Contains(t, stats.body, `"requests":1`)
}

func TestHealth(t *testing.T) {
	d := start(t, fake.ModelConfig{Hang: "load"}, channel.Spec{Preload: true})
	assert.Equal(t, "ok\n", d.do(t, http.MethodGet, "/livez", "").body)
	assert.JSONEq(t, `{"status":"loading","version":"test"}`, d.do(t, http.MethodGet, "/health", "").body)
	got := d.do(t, http.MethodGet, "/readyz", "")
	assert.Equal(t, 503, got.status)
	assert.Equal(t, "loading", text(got.error(t).Code))

	idle := start(t, fake.ModelConfig{}, channel.Spec{})
	require.Eventually(t, idle.router.Ready, 10*time.Second, time.Millisecond)
	assert.Equal(t, 200, idle.do(t, http.MethodGet, "/readyz", "").status)
	assert.JSONEq(t, `{"status":"ok","version":"test"}`, idle.do(t, http.MethodGet, "/health", "").body)
}

func TestOrigins(t *testing.T) {
	models := func() map[string]channel.Model {
		return map[string]channel.Model{"m": routertest.Model(t, fake.ModelConfig{})}
	}
	for _, c := range []struct {
		allowed []string
		origin  string
		status  int
	}{
		{nil, "http://localhost:3000", 200},
		{nil, "http://127.0.0.1", 200},
		{nil, "https://evil.example", 403},
		{nil, "https://localhost.evil.example", 403},
		{[]string{"https://chat.example"}, "https://chat.example", 200},
		{[]string{"https://chat.example"}, "http://localhost:3000", 403},
		{[]string{"*"}, "https://any.example", 200},
	} {
		d := startSet(t, routertest.NewBackends(t), models(), map[string]channel.Spec{"m": {}}, api.Options{Origins: c.allowed})
		got := d.do(t, http.MethodGet, "/v1/models", "", "Origin", c.origin)
		assert.Equal(t, c.status, got.status, c.origin)
		pre := d.do(t, http.MethodOptions, "/v1/chat/completions", "", "Origin", c.origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
		if c.status == 200 {
			assert.Equal(t, c.origin, got.header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, 204, pre.status)
			assert.Equal(t, "authorization,content-type", pre.header.Get("Access-Control-Allow-Headers"))
		} else {
			assert.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, 403, pre.status)
		}
		d.shutdown()
	}
}
