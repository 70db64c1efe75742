package draftertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Connection is an implementation behind gRPC, within one process.
type Connection struct {
	drafter.Proxy // the host's

	conn    *grpc.ClientConn
	drafter *drafter.Server
	server  *grpc.Server
	served  chan error
	dir     string
}

// Connect serves impl on a unix socket with the glue, options and limits that go-plugin gets, and
// returns the host's end. What it leaves out of a real plugin is the process, the handshake and
// TLS. A nil log discards. The caller closes the connection.
func Connect(impl drafter.Drafter, log *slog.Logger) (_ *Connection, err error) {
	c := &Connection{served: make(chan error, 1), drafter: drafter.NewServer(impl, log)}
	if c.dir, err = os.MkdirTemp("", "draftertest"); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(c.dir)
		}
	}()
	socket := filepath.Join(c.dir, "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	glue := &drafter.Plugin{Served: c.drafter}
	c.server = grpc.NewServer(base.ServerOptions()...)
	if err := glue.GRPCServer(nil, c.server); err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", err), listener.Close())
	}
	options := append(base.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if c.conn, err = grpc.NewClient("unix:"+socket, options...); err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", err), listener.Close())
	}
	proxy, err := glue.GRPCClient(context.Background(), nil, c.conn)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", err), c.conn.Close(), listener.Close())
	}
	c.Proxy = proxy.(drafter.Proxy)
	go func() { c.served <- c.server.Serve(listener) }()
	return c, nil
}

// Kill drops the connection as a plugin's death does. Calls under way fail.
func (c *Connection) Kill() { c.server.Stop() }

// Close ends both ends, links included, and waits for their goroutines.
func (c *Connection) Close() error {
	err := c.conn.Close()
	c.server.Stop()
	return errors.Join(err, <-c.served, c.drafter.Close(), os.RemoveAll(c.dir))
}

// Linked is an implementation behind a link, within one process.
type Linked struct {
	*drafter.Linked // a backend's end
	server          *drafter.Server
}

// Link serves impl and returns the end of one link to it. A nil log discards. The caller closes it.
func Link(ctx context.Context, impl drafter.Drafter, log *slog.Logger, o link.Options) (*Linked, error) {
	server := drafter.NewServer(impl, log)
	ticket, err := server.OpenLink(ctx)
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	linked, err := drafter.Dial(ctx, ticket, o)
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return &Linked{Linked: linked, server: server}, nil
}

// Kill ends the serving side as a plugin's death does. Calls under way fail.
func (l *Linked) Kill() error { return l.server.Close() }

// Close ends both ends and waits for their goroutines.
func (l *Linked) Close() error { return errors.Join(l.Linked.Close(), l.server.Close()) }
