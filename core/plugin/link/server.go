package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Service is what one peer is served.
type Service interface {
	// Register adds what Client.Control speaks.
	Register(s grpc.ServiceRegistrar)

	// Call answers one message of a lane: it appends at most MaxMessage bytes to reply and returns
	// it. Memory is the arena, which the peer may be writing to; nothing of it, and nothing of
	// message, is to be kept. Calls run concurrently. The context ends when the peer cancels the
	// call or is gone.
	Call(ctx context.Context, memory, message, reply []byte) []byte

	// Close is called once, when the peer is gone and all calls have returned.
	Close()
}

// ServerOptions say how to serve.
type ServerOptions struct {
	Dir string         // where the folder of the socket is made; "": the system's for such things
	New func() Service // called for each peer that was let in
	Log *slog.Logger   // nil: none
}

// Server is the serving side of links. It is safe for concurrent use.
type Server struct {
	options  ServerOptions
	dir      string
	listener *net.UnixListener
	tickets  tickets
	greeting chan struct{} // a token for each connection that has not been let in
	quit     context.Context
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// Listen makes the socket and serves whoever has a ticket. The caller closes the server.
// base.ErrUnsupported: this system has no links.
func Listen(o ServerOptions) (*Server, error) {
	if defaultBell == 0 {
		return nil, fmt.Errorf("link: %w on this system", base.ErrUnsupported)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := os.MkdirTemp(o.Dir, "link") // only this user may enter it
	if err != nil {
		return nil, fmt.Errorf("link: make folder of the socket: %w", err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("link: %w", err), os.RemoveAll(dir))
	}
	s := &Server{options: o, dir: dir, listener: listener, greeting: make(chan struct{}, maxHellos)}
	s.quit, s.stop = context.WithCancel(context.Background())
	s.running.Go(s.accept)
	return s, nil
}

// Ticket makes a ticket for one peer.
func (s *Server) Ticket() Ticket {
	return Ticket{Address: s.listener.Addr().String(), Secret: s.tickets.issue()}
}

// Close cuts all links, waits until their calls have returned and removes the socket.
func (s *Server) Close() error {
	s.stop()
	err := s.listener.Close()
	s.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		err = nil // closed before
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// acceptPause is how long accepting rests after a failure that may pass, such as too many files.
const acceptPause = 50 * time.Millisecond

func (s *Server) accept() {
	for {
		select {
		case s.greeting <- struct{}{}:
		case <-s.quit.Done():
			return
		}
		conn, err := s.listener.AcceptUnix()
		switch {
		case err == nil:
			s.running.Go(func() { s.serve(conn) })
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		<-s.greeting
		s.options.Log.Warn("link: accept", "err", err)
		select {
		case <-time.After(acceptPause):
		case <-s.quit.Done():
			return
		}
	}
}

// serve is the life of one connection.
func (s *Server) serve(conn *net.UnixConn) {
	p, err := s.letIn(conn)
	<-s.greeting
	if err != nil {
		s.options.Log.Warn("link: a peer was not let in", "err", err)
		_ = conn.Close()
		return
	}
	p.run(s.quit)
}

// letIn listens to the hello and answers it.
func (s *Server) letIn(conn *net.UnixConn) (*peer, error) {
	undo := context.AfterFunc(s.quit, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer undo()
	if err := conn.SetDeadline(time.Now().Add(helloTime)); err != nil {
		return nil, err
	}
	buf := make([]byte, helloSize)
	files, err := receive(conn, buf)
	defer closeFiles(files)
	if err != nil {
		return nil, fmt.Errorf("read hello: %w", err)
	}
	h, verdict := parseHello(buf)
	if verdict == accepted && !s.tickets.redeem(h.secret) {
		verdict = refusedSecret
	}
	if verdict == accepted && len(files) != h.files() {
		verdict = refusedHello
	}
	var p *peer
	var why error
	if verdict == accepted {
		if p, why = newPeer(conn, h, files); why != nil {
			verdict = refusedMemory
		}
	}
	_, err = conn.Write([]byte{Version, verdict})
	if err == nil && verdict != accepted {
		err = errors.Join(verdictError(Version, verdict), why)
	}
	if err == nil && s.quit.Err() == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		if p != nil {
			p.free()
		}
		return nil, err
	}
	p.service, p.log = s.options.New(), s.options.Log
	return p, nil
}
