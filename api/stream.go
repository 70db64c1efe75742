package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/router"
)

// stream is the body of a streamed answer. The connection's goroutine writes it, after the
// handler has returned, and closes it in the end, whatever happened.
type stream struct {
	x       *exchange
	conn    net.Conn
	stall   time.Duration
	pump    *pump
	writer  writer
	release func()

	first *router.Piece // that the handler waited for
	step  step
	whole bool   // the answer came to its end
	rest  []byte // of an event, for Read
	err   error  // why the answer is not whole
}

// step is what a stream says next.
type step int

const (
	sayBegin step = iota
	sayEvents
	sayNothing
)

var _ fasthttp.BodyWriterTo = (*stream)(nil)

// stream waits for the first event, so that an error before it has its status, and leaves the
// rest to the connection's goroutine.
func (s *Server) stream(x *exchange, w writer, p *pump, release func()) error {
	first, ok, err := p.next()
	if !ok {
		cause := context.Cause(p.ctx)
		release()
		if cause != nil {
			return cause
		}
		if err == nil {
			err = errNoFinal
		}
		return err
	}
	h := &x.http.Response.Header
	h.SetContentType("text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	x.streamed = true
	x.http.SetBodyStream(&stream{
		x: x, conn: x.http.Conn(), stall: s.options.StallTimeout, pump: p, release: release, first: &first, writer: w,
	}, -1)
	return nil
}

var errNoFinal = fmt.Errorf("%w: the backend's answer has no end", base.ErrCorrupt)

// event returns the next piece of the answer, whole, and io.EOF after the last. It is valid until
// the next call.
func (s *stream) event() ([]byte, error) {
	for {
		switch s.step {
		case sayBegin:
			s.step = sayEvents
			if b := s.writer.Begin(); len(b) > 0 {
				return b, nil
			}
		case sayEvents:
			p, ok, err := s.next()
			switch {
			case !ok && (err != nil || s.writer.Final().Reason == ""):
				return s.fail(err)
			case !ok:
				s.step, s.whole = sayNothing, true
				return s.writer.Finish(), nil
			}
			if b := s.writer.Piece(&p); len(b) > 0 {
				return b, nil
			}
		case sayNothing:
			return nil, io.EOF
		}
	}
}

func (s *stream) next() (router.Piece, bool, error) {
	if s.first != nil {
		e := *s.first
		s.first = nil
		return e, true, nil
	}
	return s.pump.next()
}

// fail ends a stream that has begun: an error event for a client that is still there, no [DONE].
func (s *stream) fail(err error) ([]byte, error) {
	s.step = sayNothing
	if cause := context.Cause(s.pump.ctx); cause != nil {
		err = cause
	}
	if err == nil {
		err = errNoFinal
	}
	s.err = err
	if errors.Is(err, errClientGone) {
		return nil, err
	}
	return s.writer.Error(toError(err, subjectOf(s.x.path))), nil
}

// SupportsBodyWriteTo implements fasthttp.BodyWriterTo: WriteTo and Read give the same bytes.
func (s *stream) SupportsBodyWriteTo() bool { return true }

// WriteTo writes each event at once. fasthttp sends what one Write is given as one chunk, and
// flushes it.
func (s *stream) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for {
		b, err := s.event()
		if errors.Is(err, io.EOF) {
			return written, nil
		}
		if err != nil {
			return written, err
		}
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.stall))
		n, err := w.Write(b)
		written += int64(n)
		if err != nil {
			return written, s.broken(err)
		}
	}
}

// broken notes that an event could not be written.
func (s *stream) broken(err error) error {
	if s.err == nil {
		s.err = errClientGone
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			s.err = errStalled
		}
	}
	return err
}

// Read is for clients that take no chunks.
func (s *stream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		b, err := s.event()
		if err != nil {
			return 0, err
		}
		s.rest = b
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Close ends the generation, if it has not ended, and the exchange.
func (s *stream) Close() error {
	status := fasthttp.StatusOK
	if !s.whole {
		if s.err == nil {
			s.err = errClientGone
		}
		status = toError(s.err, "").Status
	}
	if s.err != nil {
		s.pump.stop(s.err)
	}
	s.pump.drain()
	s.release()
	_ = s.conn.SetWriteDeadline(time.Time{})
	if final := s.writer.Final(); final.Reason != "" {
		s.x.final = final
	}
	s.x.finish(status, s.err)
	return nil
}
