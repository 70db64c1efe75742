package web

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kakeyad/kakeyad/api"
	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/router"
	"github.com/kakeyad/kakeyad/core/router/routertest"
	"github.com/kakeyad/kakeyad/test/browser"
)

// daemon is the API over the fake, on a port of this machine.
type daemon struct {
	url      string
	server   *api.Server
	router   *router.Router
	backends *routertest.Backends
	ended    chan error // how each generation ended in the backend
	stop     func()
}

// serve serves one model under the channel "m" until the test ends.
func serve(t *testing.T, m fake.ModelConfig, o api.Options) *daemon {
	t.Helper()
	return serveChannels(t, map[string]channel.Model{"m": routertest.Model(t, m)}, map[string]channel.Spec{"m": {}}, o)
}

func serveChannels(t *testing.T, models map[string]channel.Model, channels map[string]channel.Spec, o api.Options) *daemon {
	t.Helper()
	d := &daemon{backends: routertest.NewBackends(t), ended: make(chan error, 100)}
	d.backends.Generated = func(_ backend.GenerateRequest, err error) { d.ended <- err }
	d.router = routertest.Router(t, d.backends, routertest.Set(t, models, channels))
	o.Router = d.router
	o.Logger = slog.New(slog.DiscardHandler)
	d.server = api.New(o)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(listener) }()
	d.url = "http://" + listener.Addr().String()
	stopped := false
	d.stop = func() {
		if stopped {
			return
		}
		stopped = true
		http.DefaultClient.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = d.server.Shutdown(ctx) // a browser keeps its connections: they are cut when the second is over
		<-served
	}
	t.Cleanup(d.stop)
	return d
}

// open opens the page in a new browser and waits until it can be used.
func open(t *testing.T, d *daemon) *browser.Page {
	t.Helper()
	p := browser.New(t)
	reopen(p, d)
	return p
}

func reopen(p *browser.Page, d *daemon) {
	p.Open(d.url + "/chat.html")
	p.Until("the page", `document.body?.classList.contains("ready")`)
}

// ask sends a message.
func ask(p *browser.Page, text string) {
	p.Click("#message")
	p.Type(text)
	p.Click("#send")
}

const answered = `document.querySelector(".message.assistant:last-child .figures, .message.assistant:last-child .trouble:not([hidden])")`

// answerTo sends a message and returns the answer's text once it is whole.
func answerTo(p *browser.Page, text string) string {
	messages := browser.Eval[int](p, `document.querySelectorAll(".message").length`)
	ask(p, text)
	p.Until("two messages more", jsCount(".message", messages+2))
	p.Until("the answer", answered)
	return p.Text(".message.assistant:last-child .answer")
}

// fine fails the test when the console spoke of anything but what is expected.
func fine(t *testing.T, p *browser.Page, but ...string) {
	t.Helper()
	assert.Empty(t, p.Problems(but...))
}

// jsCount is true when a selector finds so many elements.
func jsCount(selector string, n int) string {
	return fmt.Sprintf("document.querySelectorAll(%q).length === %d", selector, n)
}

// fits says whether nothing is wider than the window.
func fits(p *browser.Page) bool {
	return browser.Eval[bool](p, `document.documentElement.scrollWidth <= innerWidth`)
}

// focused is the label of what has the focus.
func focused(p *browser.Page) string {
	return browser.Eval[string](p, `document.activeElement.getAttribute("aria-label") || document.activeElement.id || document.activeElement.innerText`)
}
