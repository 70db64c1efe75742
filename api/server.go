package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kakeyad/kakeyad/core/experiment"
	"github.com/kakeyad/kakeyad/core/experiment/shadow"
	"github.com/kakeyad/kakeyad/core/router"
)

// Options of a server. Zero values mean what the comments say.
type Options struct {
	Router  *router.Router
	Version string       // of the daemon, told by /health
	Logger  *slog.Logger // nil: slog.Default()

	// Origins are the web origins whose pages may call this server, such as https://chat.example,
	// or "*" for any. Empty: pages of this machine. Requests of other pages are refused.
	Origins []string

	// Keys are the API keys of which clients need one. Empty: none is needed. See SetKeys.
	Keys []string

	// ScopeByKey keeps what is computed for a key to requests with that key: they alone find it again
	// in a cache or among parked conversations.
	ScopeByKey bool

	// Experiments takes in what is measured of channels that are two. The caller closes it after the
	// server. nil: they are served, and nothing is recorded.
	Experiments *experiment.Registry

	// Shadow has requests answered once more by the second of two channels. It goes with Experiments, and
	// the caller closes it after the server. nil: nothing is.
	Shadow *shadow.Runner

	Limits  Limits
	Plugins func() []PluginStatus // for /metrics and /health; nil: none are told of

	MaxBody      int           // bytes of a request; 0: 32 MiB
	IdleTimeout  time.Duration // of a kept connection between requests; 0: 2 minutes
	ReadTimeout  time.Duration // to receive a request; 0: 1 minute
	Timeout      time.Duration // of a request, from its arrival to the end of its answer; 0: none
	StallTimeout time.Duration // that a client may leave an answer unread; 0: 1 minute
}

// Server serves the API. Make it with New.
type Server struct {
	router  *router.Router
	log     *slog.Logger
	options Options
	origins origins
	http    *fasthttp.Server

	keys      atomic.Pointer[keys]
	admission *admission
	running   running
	comparing comparing
	watch     watch
	metrics   *metrics

	ctx  context.Context // parent of all requests; ends when they are to be cut short
	stop context.CancelCauseFunc
}

// New returns a server that listens to nothing yet.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.MaxBody = orDefault(o.MaxBody, 32<<20)
	o.IdleTimeout = orDefault(o.IdleTimeout, 2*time.Minute)
	o.ReadTimeout = orDefault(o.ReadTimeout, time.Minute)
	o.StallTimeout = orDefault(o.StallTimeout, time.Minute)
	s := &Server{router: o.Router, log: o.Logger, options: o, origins: newOrigins(o.Origins)}
	s.SetKeys(o.Keys)
	s.admission = newAdmission(o.Limits)
	s.metrics = newMetrics(stateCollector{router: o.Router, plugins: o.Plugins, running: &s.running, admission: s.admission})
	if o.Experiments != nil {
		s.metrics.registry.MustRegister(experimentCollector{o.Experiments})
	}
	s.ctx, s.stop = context.WithCancelCause(context.Background())
	s.http = &fasthttp.Server{
		Name:                  "kakeyad",
		Handler:               s.routes().Handler,
		ErrorHandler:          s.malformed,
		Logger:                quiet{s.log},
		MaxRequestBodySize:    o.MaxBody,
		IdleTimeout:           o.IdleTimeout,
		ReadTimeout:           o.ReadTimeout,
		WriteBufferSize:       16 << 10, // so that an event goes out in one write
		CloseOnShutdown:       true,
		NoDefaultContentType:  true,
		SecureErrorLogMessage: true,
	}
	return s
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Serve answers on the listener until Shutdown, and then returns nil.
func (s *Server) Serve(ln net.Listener) error { return s.http.Serve(ln) }

// cutShort is how long a request that was told to end may take to do so.
const cutShort = 5 * time.Second

// Shutdown takes no more connections and waits for the requests that run. When the context ends
// they are cut short. It returns when the last one has ended.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.ShutdownWithContext(ctx)
	s.stop(router.ErrClosed)
	if err == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutShort)
	defer cancel()
	return s.http.ShutdownWithContext(last)
}

// quiet is the server's own log, which has nothing to say but what clients did wrong.
type quiet struct{ log *slog.Logger }

// Printf implements fasthttp.Logger.
func (q quiet) Printf(format string, args ...any) {
	q.log.Debug("http", "message", slog.AnyValue(formatted{format, args}))
}
