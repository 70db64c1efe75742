package backendtest

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

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Connection is an implementation behind the wire, within one process.
type Connection struct {
	backend.Proxy // the host's

	conn   *grpc.ClientConn
	server *grpc.Server
	served chan error
	dir    string
}

// Connect serves impl on a unix socket with the glue, options and limits that go-plugin gets, and
// returns the host's end. What it leaves out of a real plugin is the process, the handshake and
// TLS. A nil log discards. The caller closes the connection.
func Connect(impl backend.Backend, log *slog.Logger) (_ *Connection, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Connection{served: make(chan error, 1)}
	if c.dir, err = os.MkdirTemp("", "backendtest"); err != nil {
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
	glue := &backend.Plugin{Impl: impl, Log: log}
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
	c.Proxy = proxy.(backend.Proxy)
	go func() { c.served <- c.server.Serve(listener) }()
	return c, nil
}

// Kill drops the connection as a plugin's death does. Calls under way fail.
func (c *Connection) Kill() { c.server.Stop() }

// Close ends both ends and waits for their goroutines.
func (c *Connection) Close() error {
	err := c.conn.Close()
	c.server.Stop()
	return errors.Join(err, <-c.served, os.RemoveAll(c.dir))
}
