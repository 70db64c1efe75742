package drafter

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Server serves a drafter to the host over gRPC and to backends over links. A panic in one of the
// drafter's methods becomes an error of that call, see [base.Guard].
type Server struct {
	service *service
	impl    Drafter
	guard   base.Guard

	mu     sync.Mutex
	closed bool
	links  *link.Server // made when first asked for
}

// NewServer serves impl. The caller closes the server. A nil log discards.
func NewServer(impl Drafter, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{impl: impl, guard: base.Guard{Errors: errorMap, Log: log}}
	s.service = &service{impl: impl, guard: s.guard, linker: s}
	return s
}

// Register adds the services to a gRPC server: that of the host.
func (s *Server) Register(r grpc.ServiceRegistrar) { s.service.register(r) }

// OpenLink implements [Linker].
func (s *Server) OpenLink(context.Context) (link.Ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return link.Ticket{}, fmt.Errorf("open link: %w: the plugin is ending", base.ErrPluginGone)
	}
	if s.links == nil {
		links, err := link.Listen(link.ServerOptions{
			// A private folder, which the host removes when all plugins are gone, however they ended.
			Dir: os.Getenv(plugin.EnvUnixSocketDir),
			New: func() link.Service { return &linkService{service: &service{impl: s.impl, guard: s.guard}} },
			Log: s.guard.Log,
		})
		if err != nil {
			return link.Ticket{}, fmt.Errorf("open link: %w", err)
		}
		s.links = links
	}
	return s.links.Ticket(), nil
}

// Close cuts all links and closes all attachments. It waits for the drafter's methods.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	links := s.links
	s.mu.Unlock()
	var err error
	if links != nil {
		err = links.Close()
	}
	s.service.end()
	return err
}
