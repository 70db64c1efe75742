package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// exchange is one request and its answer.
type exchange struct {
	http  *fasthttp.RequestCtx
	log   *slog.Logger
	id    string // of the request
	began time.Time

	owner  owner
	asked  string                  // the model, as the client named it
	cancel context.CancelCauseFunc // of what it runs

	// For the log. A streamed answer outlives its handler, so these are copies.
	method, path string
	route        string // path, without what differs from request to request
	streamed     bool   // the stream writes the log when it ends
	model        string
	final        *backend.Final
	metrics      *metrics
}

// endpoint answers a request, or returns why it cannot.
type endpoint func(x *exchange) error

// serve makes an endpoint a handler: request id, origin, panics, errors, access log.
func (s *Server) serve(run endpoint) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		x := &exchange{
			http: ctx, log: s.log, metrics: s.metrics, began: time.Now(), id: requestID(ctx),
			method: string(ctx.Method()), path: string(ctx.Path()),
		}
		x.route = routeOf(x.path)
		ctx.Response.Header.Set("X-Request-Id", x.id)
		err := s.origins.check(ctx)
		if err == nil {
			x.owner, err = s.keys.Load().authorize(ctx)
		}
		if err == nil {
			err = recovered(func() error { return run(x) })
		}
		if err != nil {
			x.fail(err)
		}
		if !x.streamed {
			x.finish(ctx.Response.StatusCode(), err)
		}
	}
}

// fail answers with an error object.
func (x *exchange) fail(err error) {
	x.http.Response.ResetBody()
	x.http.Response.Header.Del("Cache-Control")
	writeError(x.http, toError(err, subjectOf(x.path)), appenderOf(x.path))
}

// appenderOf is how an endpoint writes errors.
func appenderOf(path string) func([]byte, *openai.Error) []byte {
	if path == pathMessages || path == pathCountTokens {
		return openai.AppendMessagesError
	}
	return openai.AppendError
}

// subjectOf is the field of an endpoint's request that holds the prompt.
func subjectOf(path string) string {
	switch path {
	case pathChat, pathMessages, pathCountTokens, "/apply-template":
		return "messages"
	case "/v1/embeddings", pathResponses:
		return "input"
	}
	return "prompt"
}

func writeError(ctx *fasthttp.RequestCtx, e *openai.Error, appendError func([]byte, *openai.Error) []byte) {
	if e.RetryAfter > 0 {
		ctx.Response.Header.Set("Retry-After", fmt.Sprint(e.RetryAfter))
	}
	ctx.SetStatusCode(e.Status)
	writeJSON(ctx, appendError(nil, e))
}

func writeJSON(ctx *fasthttp.RequestCtx, body []byte) {
	ctx.SetContentType("application/json")
	ctx.SetBody(body)
}

// finish writes the access log: what the daemon could not do as an error, what clients did wrong
// as info, and the rest as info. Probes that got an answer, even that the daemon is not ready, are
// there for debugging only.
func (x *exchange) finish(status int, err error) {
	x.metrics.answered(x.route, status, time.Since(x.began))
	var panicked *panicError
	level := slog.LevelInfo
	switch {
	case errors.As(err, &panicked):
		level = slog.LevelError
	case quietPaths[x.path] || isPage(x.path):
		level = slog.LevelDebug
	case status >= 500:
		level = slog.LevelError
	}
	if !x.log.Enabled(context.Background(), level) {
		return
	}
	attributes := []slog.Attr{
		slog.String("id", x.id), slog.String("method", x.method), slog.String("path", x.path),
		slog.Int("status", status), tookMS(time.Since(x.began)),
	}
	if x.model != "" {
		attributes = append(attributes, slog.String("model", x.model))
	}
	if x.owner.name != "" {
		attributes = append(attributes, slog.String("key", x.owner.name))
	}
	if f := x.final; f != nil {
		attributes = append(attributes, slog.Int("prompt_tokens", f.PromptTokens),
			slog.Int("cached_tokens", f.CachedTokens), slog.Int("output_tokens", f.OutputTokens), slog.String("finish", string(f.Reason)))
	}
	switch {
	case panicked != nil:
		attributes = append(attributes, slog.String("panic", panicked.String()), slog.String("stack", string(panicked.stack)))
	case err != nil:
		attributes = append(attributes, slog.String("error", err.Error()))
	}
	x.log.LogAttrs(context.Background(), level, "request", attributes...)
}

// tookMS tells a duration in milliseconds, to the microsecond: log handlers differ in how they
// print durations.
func tookMS(d time.Duration) slog.Attr {
	return slog.Float64("took_ms", float64(d.Microseconds())/1000)
}

// requestID is the client's own, if it is one that may be repeated, else a new one.
func requestID(ctx *fasthttp.RequestCtx) string {
	const longest = 128
	given := ctx.Request.Header.Peek("X-Request-Id")
	ok := len(given) > 0 && len(given) <= longest
	for _, c := range given {
		ok = ok && c > ' ' && c < 0x7f
	}
	if ok {
		return string(given)
	}
	return randomHex(16)
}

// randomHex returns n random bytes in hex.
func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// formatted is a message that is put together only when it is logged.
type formatted struct {
	format string
	args   []any
}

// String implements fmt.Stringer.
func (f formatted) String() string { return fmt.Sprintf(f.format, f.args...) }

// LogValue implements slog.LogValuer.
func (f formatted) LogValue() slog.Value { return slog.StringValue(f.String()) }
