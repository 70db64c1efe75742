package link

import (
	"context"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link/linkpb"
)

// peer is one link on the serving side.
type peer struct {
	linkpb.UnimplementedLinkServiceServer
	conn    net.Conn
	mapping []byte
	memory  []byte // the arena
	lanes   []*lane
	calls   []running // one a lane
	service Service
	log     *slog.Logger

	cut   atomic.Bool
	ended chan struct{}
}

// running is what a lane is at.
type running struct {
	mu        sync.Mutex
	number    uint32
	cancel    context.CancelFunc // nil: nothing
	cancelled uint32             // number of the last call that the peer cancelled
}

// newPeer maps the memory that came with a hello.
func newPeer(conn net.Conn, h hello, files []*os.File) (*peer, error) {
	if err := checkMemory(files[0]); err != nil {
		return nil, err
	}
	mapping, err := mapMemory(files[0], h.size())
	if err != nil {
		return nil, err
	}
	lanes, err := serverLanes(h, mapping, files[1:])
	if err != nil {
		closeLanes(lanes)
		unmapMemory(mapping)
		return nil, err
	}
	return &peer{
		conn:    conn,
		mapping: mapping,
		memory:  mapping[h.lanes*laneSize:],
		lanes:   lanes,
		calls:   make([]running, len(lanes)),
		ended:   make(chan struct{}),
	}, nil
}

func (p *peer) free() {
	closeLanes(p.lanes)
	unmapMemory(p.mapping)
}

// run serves until the peer is gone or quit ends.
func (p *peer) run(quit context.Context) {
	w := &wire{Conn: p.conn, end: p.end}
	undo := context.AfterFunc(quit, func() { _ = w.Close() })
	defer undo()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	control := grpc.NewServer(append(base.ServerOptions(), grpc.WaitForHandlers(true))...)
	linkpb.RegisterLinkServiceServer(control, p)
	p.service.Register(control)
	listener := listen(w)

	var lanes, speaking sync.WaitGroup
	for i := range p.lanes {
		lanes.Go(func() { p.serve(ctx, p.lanes[i], &p.calls[i], w) })
	}
	speaking.Go(func() { _ = control.Serve(listener) }) // ends by Stop

	<-p.ended
	cancel()
	lanes.Wait()
	control.Stop()
	_ = listener.Close()
	speaking.Wait()
	_ = w.Close()
	p.service.Close()
	p.free()
}

// end is how a link ends, whoever ends it.
func (p *peer) end(error) {
	p.cut.Store(true)
	for _, l := range p.lanes {
		l.cut()
	}
	close(p.ended)
}

// serve answers the calls of one lane.
func (p *peer) serve(ctx context.Context, l *lane, calls *running, w *wire) {
	var message, reply []byte
	for l.await(laneAsked, &p.cut, 0, nil) {
		var ok bool
		if message, ok = l.take(message[:0]); !ok {
			p.log.Error("link: a message of an impossible length")
			_ = w.Close()
			return
		}
		call, done := calls.begin(ctx, atomic.LoadUint32(l.call))
		reply = p.service.Call(call, p.memory, message, reply[:0])
		done()
		if len(reply) > MaxMessage {
			p.log.Error("link: an answer is too long", "bytes", len(reply))
			_ = w.Close()
			return
		}
		l.put(reply)
		l.set(laneAnswered)
	}
}

// begin makes a call's context.
func (r *running) begin(ctx context.Context, number uint32) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number, r.cancel = number, cancel
	if r.cancelled == number {
		cancel() // the news came before the call
	}
	return ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cancel = nil
		cancel()
	}
}

// Cancel implements linkpb.LinkServiceServer.
func (p *peer) Cancel(_ context.Context, m *linkpb.CancelRequest) (*linkpb.CancelResponse, error) {
	if uint64(m.GetLane()) < uint64(len(p.calls)) {
		r := &p.calls[m.GetLane()]
		r.mu.Lock()
		defer r.mu.Unlock()
		r.cancelled = m.GetCall()
		if r.cancel != nil && r.number == m.GetCall() {
			r.cancel()
		}
	}
	return &linkpb.CancelResponse{}, nil
}
