package link

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// wire is the socket of a link, on which gRPC speaks. gRPC reads it all the time, so that its end
// is known when it happens.
type wire struct {
	net.Conn
	once sync.Once
	end  func(error) // called once, by whoever notices first
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil {
		w.once.Do(func() { w.end(err) })
	}
	return n, err
}

// Close also ends a link whose other side still lives.
func (w *wire) Close() error {
	w.once.Do(func() { w.end(net.ErrClosed) })
	return w.Conn.Close()
}

// dial makes gRPC's client of a wire; it never connects again.
func dial(w *wire) (*grpc.ClientConn, error) {
	only := make(chan net.Conn, 1)
	only <- w
	options := append(base.DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case c := <-only:
				return c, nil
			default:
				return nil, net.ErrClosed
			}
		}))
	conn, err := grpc.NewClient("passthrough:link", options...)
	if err != nil {
		return nil, err
	}
	conn.Connect()
	return conn, nil
}

// listen makes a listener that accepts the wire and then nothing.
func listen(w *wire) net.Listener {
	l := &onlyListener{conns: make(chan net.Conn, 1), closed: make(chan struct{}), addr: w.LocalAddr()}
	l.conns <- w
	return l
}

type onlyListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	addr   net.Addr
}

func (l *onlyListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *onlyListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *onlyListener) Addr() net.Addr { return l.addr }
