package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link/linkpb"
)

// Options of the dialling side.
type Options struct {
	Memory int64 // bytes of the arena; 0: DefaultMemory
	Lanes  int   // calls that can be under way at once; 0: DefaultLanes
	Bell   Bell  // 0: the quickest that the system has

	// Grace is how long a call that was cancelled may take to let go of the memory. After that the
	// peer is taken for hung and the link is cut. 0: DefaultGrace.
	Grace time.Duration

	// Patience is how long any call may take before the peer is taken for hung and the link is cut,
	// to within a second. 0: DefaultPatience.
	Patience time.Duration
}

// Client is the dialling side of a link. It is safe for concurrent use.
type Client struct {
	control *grpc.ClientConn
	cancels linkpb.LinkServiceClient
	wire    *wire
	mapping []byte
	memory  []byte // the arena
	arena   *arena
	grace   time.Duration
	patient time.Duration
	bell    Bell
	all     []*lane
	idle    *idle

	closing sync.Once
	closed  error // of Close

	cut   atomic.Bool
	gone  chan struct{} // closed when the link has ended
	cause error         // why; set before gone is closed
	next  atomic.Uint32 // number of the last call
}

// Dial uses up a ticket. The caller closes the client.
//
// Errors: base.ErrInvalid (options; a ticket that is used, too old or unknown), base.ErrPluginGone
// (nobody is there), base.ErrUnsupported (another version; a system without links), the context's.
func Dial(ctx context.Context, t Ticket, o Options) (*Client, error) {
	c, err := dialLink(ctx, t, o)
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	return c, nil
}

func (o Options) hello(secret []byte) (hello, error) {
	h := hello{bell: o.Bell, lanes: o.Lanes, memory: o.Memory}
	if h.bell == 0 {
		h.bell = defaultBell
	}
	if h.lanes == 0 {
		h.lanes = DefaultLanes
	}
	if h.memory == 0 {
		h.memory = DefaultMemory
	}
	switch {
	case len(secret) != SecretSize:
		return h, fmt.Errorf("secret: %w: %d bytes, not %d", base.ErrInvalid, len(secret), SecretSize)
	case h.lanes < 1 || h.lanes > MaxLanes:
		return h, fmt.Errorf("lanes: %w: %d is not between 1 and %d", base.ErrInvalid, h.lanes, MaxLanes)
	case h.memory < grain || h.memory > MaxMemory:
		return h, fmt.Errorf("memory: %w: %d is not between %d and %d", base.ErrInvalid, h.memory, grain, int64(MaxMemory))
	case !h.bell.known():
		return h, fmt.Errorf("bell: %w: %v", base.ErrUnsupported, h.bell)
	}
	copy(h.secret[:], secret)
	return h, nil
}

func dialLink(ctx context.Context, t Ticket, o Options) (_ *Client, err error) {
	h, err := o.hello(t.Secret)
	if err != nil {
		return nil, err
	}
	file, err := newMemory(h.size())
	if err != nil {
		return nil, err
	}
	defer file.Close()
	mapping, err := mapMemory(file, h.size())
	if err != nil {
		return nil, err
	}
	lanes, files, err := clientLanes(h, mapping)
	defer closeFiles(files)
	defer func() {
		if err != nil {
			closeLanes(lanes)
			unmapMemory(mapping)
		}
	}()
	if err != nil {
		return nil, err
	}
	conn, err := greet(ctx, t.Address, h, append([]*os.File{file}, files...))
	if err != nil {
		return nil, err
	}
	return newClient(conn, h, mapping, lanes, o)
}

func newClient(conn net.Conn, h hello, mapping []byte, lanes []*lane, o Options) (*Client, error) {
	c := &Client{
		mapping: mapping,
		memory:  mapping[h.lanes*laneSize:],
		arena:   newArena(int(h.memory)),
		grace:   o.Grace,
		patient: o.Patience,
		bell:    h.bell,
		all:     lanes,
		idle:    newIdle(h.lanes),
		gone:    make(chan struct{}),
	}
	if c.grace <= 0 {
		c.grace = DefaultGrace
	}
	if c.patient <= 0 {
		c.patient = DefaultPatience
	}
	c.wire = &wire{Conn: conn, end: c.end}
	var err error
	if c.control, err = dial(c.wire); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c.cancels = linkpb.NewLinkServiceClient(c.control)
	for _, l := range lanes {
		c.idle.put(newCall(c, l))
	}
	return c, nil
}

// Patience is how long a call may take, see Options.
func (c *Client) Patience() time.Duration { return c.patient }

// Control carries the calls that need no lane.
func (c *Client) Control() grpc.ClientConnInterface { return c.control }

// Gone closes when the link has ended: the peer died or hangs, or Close was called.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// Alloc gives out n bytes of the arena, aligned to 64, with unknown contents. They are the caller's
// until Free, and must not be touched after Close. base.ErrOutOfMemory: there is no room now.
func (c *Client) Alloc(n int) ([]byte, error) {
	if n < 1 {
		return nil, fmt.Errorf("link: %w: allocate %d bytes", base.ErrInvalid, n)
	}
	if c.cut.Load() {
		return nil, c.err()
	}
	at, ok := c.arena.take(n)
	if !ok {
		return nil, fmt.Errorf("link: %w: no %d bytes in a row are left of the shared %d", base.ErrOutOfMemory, n, c.arena.size)
	}
	return c.memory[at : at+n : at+n], nil
}

// Free takes back what Alloc gave out, all of it or any beginning of it. Anything else panics.
func (c *Client) Free(b []byte) {
	at, ok := c.Locate(b[:min(cap(b), 1)])
	if !ok || !c.arena.give(at) {
		panic("link: freeing what is not allocated")
	}
}

// Locate says where in the arena b lies, if all of it does.
func (c *Client) Locate(b []byte) (at int, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(c.memory)))
	p := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	if p < start || p-start > uintptr(len(c.memory)) || uintptr(len(b)) > uintptr(len(c.memory))-(p-start) {
		return 0, false
	}
	return int(p - start), true
}

// end is how a link ends, whoever ends it.
func (c *Client) end(cause error) {
	c.cause = cause
	c.cut.Store(true)
	for _, l := range c.all {
		l.cut()
	}
	close(c.gone)
}

// err is base.ErrPluginGone, with the reason.
func (c *Client) err() error {
	<-c.gone
	return fmt.Errorf("link: %w: %w", base.ErrPluginGone, c.cause)
}

// Close ends the link, waits for the calls under way, which fail, and frees the memory.
func (c *Client) Close() error {
	c.closing.Do(func() {
		_ = c.wire.Close() // it may have ended
		for range c.all {
			<-c.idle.tokens
		}
		if err := c.control.Close(); err != nil {
			c.closed = fmt.Errorf("close link: %w", err)
		}
		closeLanes(c.all)
		unmapMemory(c.mapping)
	})
	return c.closed
}
