package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kakeyad/kakeyad/api/openai"
	"github.com/kakeyad/kakeyad/core/compare"
	"github.com/kakeyad/kakeyad/core/compare/measure"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/router"
)

const pathCompare = "/v1/kakeya/compare"

// comparing lets one comparison run at a time: two would measure each other.
type comparing struct{ turn sync.Mutex }

var errComparing = fmt.Errorf("%w: another comparison runs; two would measure each other", base.ErrBusy)

// compare is POST /v1/kakeya/compare: a comparison as a stream of events, of which the last has the
// report. It ends when the client goes away.
func (s *Server) compare(x *exchange) error {
	job, err := compare.ReadJob(bytes.NewReader(x.http.PostBody()))
	if err != nil {
		return err
	}
	for i, name := range job.Options.Channels {
		c, err := s.router.Set().Resolve(name)
		if err != nil {
			return err
		}
		job.Options.Channels[i] = c.Name
	}
	if !s.comparing.turn.TryLock() {
		return errComparing
	}
	ctx, release, err := s.enter(x, 0)
	if err != nil {
		s.comparing.turn.Unlock()
		return err
	}
	c := &comparison{
		x: x, conn: x.http.Conn(), stall: s.options.StallTimeout, ctx: ctx, events: make(chan []byte, ahead),
		release: func() { release(); s.comparing.turn.Unlock() },
	}
	go c.run(s.router, s.pluginProcesses, job, s.options.Version)
	h := &x.http.Response.Header
	h.SetContentType("text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	x.streamed = true
	x.http.SetBodyStream(c, -1)
	return nil
}

func (s *Server) pluginProcesses() (out []measure.Process) {
	for _, p := range s.askedPlugins() {
		out = append(out, measure.Process{Kind: p.Kind, Name: p.Name, PID: p.PID, RSS: p.RSS})
	}
	return out
}

// comparison is one that runs, and the body of its answer. The connection's goroutine writes it and
// closes it in the end.
type comparison struct {
	x       *exchange
	conn    net.Conn
	stall   time.Duration
	ctx     context.Context
	release func()
	events  chan []byte // closed at the end
	err     error       // why there is no report; valid once events is closed
	rest    []byte      // of an event, for Read
	whole   bool        // all events were fetched
	broken  error       // of writing
}

var _ fasthttp.BodyWriterTo = (*comparison)(nil)

func (c *comparison) run(r *router.Router, processes func() []measure.Process, job *compare.Job, version string) {
	defer close(c.events)
	c.err = recovered(func() error {
		bench := measure.New(r, processes)
		defer bench.Close()
		o := job.Options
		o.Bench, o.Version = bench, version
		if o.Seed == 0 {
			o.Seed = rand.Uint64()
		}
		o.Progress = func(p compare.Progress) {
			c.say("compare.progress", struct {
				Type string `json:"type"`
				compare.Progress
			}{"compare.progress", p})
		}
		report, err := compare.Run(c.ctx, o)
		if err != nil {
			return causeOr(c.ctx, err)
		}
		failures, err := report.Holds(job.Conditions)
		if err != nil {
			return &openai.Error{Status: 400, Type: openai.TypeInvalid, Code: "invalid_value", Param: "fail_if", Message: err.Error()}
		}
		c.say("compare.completed", compare.Completed{Type: "compare.completed", Report: report, Failures: failures})
		return nil
	})
	if c.err != nil && !errors.Is(c.err, errClientGone) {
		c.events <- append(openai.AppendError([]byte("data: "), toError(c.err, "prompts")), "\n\n"...)
	}
}

// say sends an event, unless nobody wants it any more.
func (c *comparison) say(name string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // all of it is numbers and texts
	}
	select {
	case c.events <- fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, text):
	case <-c.ctx.Done():
	}
}

// SupportsBodyWriteTo implements fasthttp.BodyWriterTo: WriteTo and Read give the same bytes.
func (c *comparison) SupportsBodyWriteTo() bool { return true }

// WriteTo writes each event at once.
func (c *comparison) WriteTo(w io.Writer) (written int64, err error) {
	for event := range c.events {
		_ = c.conn.SetWriteDeadline(time.Now().Add(c.stall))
		n, err := w.Write(event)
		written += int64(n)
		if err != nil {
			c.broken = errClientGone
			return written, err
		}
	}
	c.whole = true
	return written, nil
}

// Read is for clients that take no chunks.
func (c *comparison) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		event, ok := <-c.events
		if !ok {
			c.whole = true
			return 0, io.EOF
		}
		c.rest = event
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Close ends the comparison, if it has not ended, and the exchange.
func (c *comparison) Close() error {
	if !c.whole {
		c.x.cancel(errClientGone)
	}
	for range c.events { // it has ended when they have
	}
	c.release()
	_ = c.conn.SetWriteDeadline(time.Time{})
	err := c.err
	if c.broken != nil {
		err = c.broken
	}
	status := fasthttp.StatusOK
	if err != nil {
		status = toError(err, "").Status
	}
	c.x.finish(status, err)
	return nil
}
