package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/api/openapi/openapitest"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/router/routertest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp writes its date in the background for as long as the process lives, and notices
		// the end of a worker pool only after its next nap.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

// daemon is a server on a port of this machine.
type daemon struct {
	url      string
	server   *api.Server
	router   *router.Router
	backends *routertest.Backends
	client   *http.Client
	shutdown func()
}

// start serves one model, as the channel "m", until the test ends.
func start(t testing.TB, m fake.ModelConfig, spec channel.Spec) *daemon {
	t.Helper()
	return startSet(t, routertest.NewBackends(t), map[string]channel.Model{"m": routertest.Model(t, m)}, map[string]channel.Spec{"m": spec}, api.Options{})
}

func startSet(t testing.TB, b *routertest.Backends, models map[string]channel.Model, channels map[string]channel.Spec, o api.Options) *daemon {
	t.Helper()
	return startSetWith(t, b, models, channels, o, func(*daemon, *api.Options) {})
}

// startSetWith lets the test add what needs the router, before the server is made.
func startSetWith(t testing.TB, b *routertest.Backends, models map[string]channel.Model, channels map[string]channel.Spec, o api.Options, add func(*daemon, *api.Options)) *daemon {
	t.Helper()
	r := routertest.Router(t, b, routertest.Set(t, models, channels))
	o.Router, o.Version = r, "test"
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := &daemon{router: r, backends: b, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	add(d, &o)
	s := api.New(o)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	d.url, d.server = "http://"+ln.Addr().String(), s
	down := false
	d.shutdown = func() {
		if down {
			return
		}
		down = true
		d.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
		require.NoError(t, <-served)
	}
	t.Cleanup(d.shutdown)
	return d
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (d *daemon) do(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, d.url+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := d.client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, contract().Check(openapitest.Exchange{
		Method: method, Path: req.URL.Path, Request: []byte(body), Status: resp.StatusCode, Header: resp.Header, Answer: data,
	}))
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// contract is the description that every exchange is held against.
var contract = sync.OnceValue(func() *openapitest.Contract {
	c, err := openapitest.Load()
	if err != nil {
		panic(err)
	}
	return c
})

func (d *daemon) post(t testing.TB, path, body string) answer {
	t.Helper()
	return d.do(t, http.MethodPost, path, body, "Content-Type", "application/json")
}

// wireError is an OpenAI error object.
type wireError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

func (a answer) error(t testing.TB) wireError {
	t.Helper()
	var e struct {
		Error *wireError `json:"error"`
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &e), a.body)
	require.NotNil(t, e.Error, a.body)
	return *e.Error
}

// events cuts a stream into its data lines.
func (a answer) events(t testing.TB) []string {
	t.Helper()
	require.True(t, strings.HasSuffix(a.body, "\n\n"), a.body)
	var out []string
	for _, part := range strings.Split(strings.TrimSuffix(a.body, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(part, "data: ")
		require.True(t, ok, part)
		require.NotContains(t, data, "\n")
		out = append(out, data)
	}
	return out
}

// open begins a streamed chat and returns its body's reader after the first event.
func (d *daemon) open(ctx context.Context, t testing.TB, body string) (*bufio.Reader, io.Closer) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/v1/chat/completions", bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	resp, err := d.client.Do(req)
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode)
	r := bufio.NewReader(resp.Body)
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, `"role":"assistant"`)
	return r, resp.Body
}

const (
	chatBody   = `{"model":"m","messages":[{"role":"user","content":"hello"}]}`
	streamBody = `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`
)
