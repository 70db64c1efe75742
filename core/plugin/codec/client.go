package codec

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codecpb"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// closeTime is how long closing a stream waits for the calls that it still serves.
const closeTime = 10 * time.Second

// Linker introduces a peer to a codec. The proxy of [NewClient] is one; so is a [Server].
type Linker interface {
	// OpenLink makes a ticket for [Dial], good once and for link.TicketLife.
	// base.ErrUnsupported: the codec's system has no links.
	OpenLink(ctx context.Context) (link.Ticket, error)
}

// Proxy is the host's end of a codec.
type Proxy interface {
	Codec
	Linker
}

// NewClient is the host's proxy of a codec: a [Codec] whose every method is one call over conn,
// data included. The connection stays the caller's to close.
func NewClient(conn grpc.ClientConnInterface) Proxy {
	return newClient(conn)
}

type client struct {
	*base.Client
	rpc codecpb.CodecServiceClient
}

func newClient(conn grpc.ClientConnInterface) *client {
	return &client{Client: base.NewClient(conn, errorMap), rpc: codecpb.NewCodecServiceClient(conn)}
}

func (c *client) OpenLink(ctx context.Context) (link.Ticket, error) {
	m, err := c.rpc.OpenLink(ctx, &codecpb.OpenLinkRequest{})
	if err != nil {
		return link.Ticket{}, errorMap.Decode(ctx, err)
	}
	return link.Ticket{Address: m.GetAddress(), Secret: m.GetSecret()}, nil
}

func (c *client) Open(ctx context.Context, shape Shape, params Params) (Stream, error) {
	return c.open(ctx, shape, params)
}

func (c *client) open(ctx context.Context, shape Shape, params Params) (*stream, error) {
	if err := shape.Validate(); err != nil {
		return nil, err
	}
	m, err := c.rpc.Open(ctx, &codecpb.OpenRequest{Shape: shapeToWire(shape), Params: params})
	if err != nil {
		return nil, errorMap.Decode(ctx, err)
	}
	s := &stream{rpc: c.rpc, id: m.GetStream(), shape: shape, description: descriptionFromWire(m.GetDescription())}
	if err := s.description.check(shape); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// stream is the proxy of a stream.
type stream struct {
	rpc         codecpb.CodecServiceClient
	id          uint64
	shape       Shape
	description Description

	closing sync.Once
	closed  atomic.Bool
	err     error // of Close
}

func (s *stream) Describe() Description { return s.description }

// ready says what is wrong with a call before it is made.
func (s *stream) ready(v []Vectors) error {
	if s.closed.Load() {
		return ErrClosed
	}
	return s.shape.Check(v...)
}

func (s *stream) RoundTrip(ctx context.Context, v ...Vectors) error {
	if err := s.ready(v); err != nil {
		return err
	}
	m, err := s.rpc.RoundTrip(ctx, &codecpb.RoundTripRequest{Stream: s.id, Vectors: vectorsToWire(v)})
	if err != nil {
		return errorMap.Decode(ctx, err)
	}
	return copyData(v, m.GetData())
}

func (s *stream) Encode(ctx context.Context, dst []byte, v ...Vectors) ([]byte, error) {
	if err := s.ready(v); err != nil {
		return dst, err
	}
	m, err := s.rpc.Encode(ctx, &codecpb.EncodeRequest{Stream: s.id, Vectors: vectorsToWire(v)})
	if err != nil {
		return dst, errorMap.Decode(ctx, err)
	}
	if len(m.GetFrame()) > mostFrame(v) {
		return dst, fmt.Errorf("%w: a frame of %d bytes, of vectors for which %d are the most", base.ErrLied, len(m.GetFrame()), mostFrame(v))
	}
	return append(dst, m.GetFrame()...), nil
}

// mostFrame is the longest frame of the vectors that is believed, in bytes. See [Stream].
func mostFrame(v []Vectors) int {
	n := frameRoom
	for i := range v {
		n += 2 * len(v[i].Data)
	}
	return n
}

func (s *stream) Decode(ctx context.Context, frame []byte, v ...Vectors) error {
	if err := s.ready(v); err != nil {
		return err
	}
	m, err := s.rpc.Decode(ctx, &codecpb.DecodeRequest{Stream: s.id, Frame: frame, Headers: headersToWire(v)})
	if err != nil {
		return errorMap.Decode(ctx, err)
	}
	return copyData(v, m.GetData())
}

// readyIntegers says what is wrong with a call of DecodeIntegers before it is made.
func (s *stream) readyIntegers(c []Coordinates) error {
	if s.closed.Load() {
		return ErrClosed
	}
	if s.description.Affine == nil {
		return fmt.Errorf("decode integers: %w: %s has no affine form", base.ErrUnsupported, s.description.Format)
	}
	return s.shape.CheckCoordinates(c...)
}

func (s *stream) DecodeIntegers(ctx context.Context, frame []byte, c ...Coordinates) error {
	if err := s.readyIntegers(c); err != nil {
		return err
	}
	m, err := s.rpc.DecodeIntegers(ctx, &codecpb.DecodeIntegersRequest{Stream: s.id, Frame: frame, Headers: headersToWire(headersOf(c))})
	if err != nil {
		return errorMap.Decode(ctx, err)
	}
	return copyCoordinates(c, m.GetCoordinates())
}

// Close of a stream whose plugin is gone has nothing to free.
func (s *stream) Close() error {
	s.closing.Do(func() {
		s.closed.Store(true)
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		_, err := s.rpc.Close(ctx, &codecpb.CloseRequest{Stream: s.id})
		if err = errorMap.Decode(ctx, err); err != nil && !errors.Is(err, base.ErrPluginGone) {
			s.err = fmt.Errorf("close codec stream: %w", err)
		}
	})
	return s.err
}
