package codec

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec/codecpb"
)

// service is what one peer sees of a codec: the host, or the far end of a link. Streams belong to
// the peer that opened them.
type service struct {
	codecpb.UnimplementedCodecServiceServer
	impl   Codec
	guard  base.Guard
	linker Linker // nil: a link does not make links

	mu      sync.RWMutex
	ended   bool
	streams map[uint64]*served
	last    uint64
}

// served is an open stream.
type served struct {
	Stream
	shape Shape
}

func (s *service) register(r grpc.ServiceRegistrar) {
	base.Register(r, s.impl, s.guard)
	codecpb.RegisterCodecServiceServer(r, s)
}

// end closes what the peer has left open.
func (s *service) end() {
	s.mu.Lock()
	streams := s.streams
	s.streams, s.ended = nil, true
	s.mu.Unlock()
	for id, stream := range streams {
		if err := s.closeStream(stream); err != nil {
			s.guard.Log.Warn("close codec stream", "stream", id, "err", err)
		}
	}
}

func (s *service) closeStream(stream *served) (err error) {
	defer s.guard.Call("Close", &err)
	return stream.Close()
}

func (s *service) find(id uint64) (*served, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	stream, ok := s.streams[id]
	if !ok {
		return nil, ErrClosed
	}
	return stream, nil
}

func (s *service) OpenLink(ctx context.Context, _ *codecpb.OpenLinkRequest) (_ *codecpb.OpenLinkResponse, err error) {
	defer s.guard.Call("OpenLink", &err)
	if s.linker == nil {
		return nil, fmt.Errorf("open link: %w over a link", base.ErrUnsupported)
	}
	t, err := s.linker.OpenLink(ctx)
	if err != nil {
		return nil, err
	}
	return &codecpb.OpenLinkResponse{Address: t.Address, Secret: t.Secret}, nil
}

func (s *service) Open(ctx context.Context, m *codecpb.OpenRequest) (_ *codecpb.OpenResponse, err error) {
	defer s.guard.Call("Open", &err)
	shape := shapeFromWire(m.GetShape())
	if err := shape.Validate(); err != nil {
		return nil, err
	}
	stream, err := s.impl.Open(ctx, shape, m.GetParams())
	if err != nil {
		return nil, err
	}
	description := stream.Describe()
	if err := description.check(shape); err != nil {
		return nil, errors.Join(err, stream.Close())
	}
	id, ok := s.keep(&served{Stream: stream, shape: shape})
	if !ok {
		return nil, errors.Join(ErrClosed, stream.Close())
	}
	return &codecpb.OpenResponse{Stream: id, Description: descriptionToWire(description)}, nil
}

// keep makes a stream known to the peer. False: the peer is gone.
func (s *service) keep(stream *served) (id uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return 0, false
	}
	if s.streams == nil {
		s.streams = make(map[uint64]*served)
	}
	s.last++
	s.streams[s.last] = stream
	return s.last, true
}

func (s *service) RoundTrip(ctx context.Context, m *codecpb.RoundTripRequest) (_ *codecpb.RoundTripResponse, err error) {
	defer s.guard.Call("RoundTrip", &err)
	stream, err := s.find(m.GetStream())
	if err != nil {
		return nil, err
	}
	v := vectorsFromWire(m.GetVectors())
	if err := stream.shape.Check(v...); err != nil {
		return nil, err
	}
	if err := stream.RoundTrip(ctx, v...); err != nil {
		return nil, err
	}
	return &codecpb.RoundTripResponse{Data: dataOf(v)}, nil
}

func (s *service) Encode(ctx context.Context, m *codecpb.EncodeRequest) (_ *codecpb.EncodeResponse, err error) {
	defer s.guard.Call("Encode", &err)
	stream, err := s.find(m.GetStream())
	if err != nil {
		return nil, err
	}
	v := vectorsFromWire(m.GetVectors())
	if err := stream.shape.Check(v...); err != nil {
		return nil, err
	}
	frame, err := stream.Encode(ctx, nil, v...)
	if err != nil {
		return nil, err
	}
	return &codecpb.EncodeResponse{Frame: frame}, nil
}

func (s *service) Decode(ctx context.Context, m *codecpb.DecodeRequest) (_ *codecpb.DecodeResponse, err error) {
	defer s.guard.Call("Decode", &err)
	stream, err := s.find(m.GetStream())
	if err != nil {
		return nil, err
	}
	v, err := room(stream.shape, m.GetHeaders())
	if err != nil {
		return nil, err
	}
	if err := stream.Decode(ctx, m.GetFrame(), v...); err != nil {
		return nil, err
	}
	return &codecpb.DecodeResponse{Data: dataOf(v)}, nil
}

func (s *service) DecodeIntegers(ctx context.Context, m *codecpb.DecodeIntegersRequest) (_ *codecpb.DecodeIntegersResponse, err error) {
	defer s.guard.Call("DecodeIntegers", &err)
	stream, err := s.find(m.GetStream())
	if err != nil {
		return nil, err
	}
	integers, err := integersOf(stream)
	if err != nil {
		return nil, err
	}
	c, err := coordinateRoom(stream.shape, m.GetHeaders())
	if err != nil {
		return nil, err
	}
	if err := integers.DecodeIntegers(ctx, m.GetFrame(), c...); err != nil {
		return nil, err
	}
	return &codecpb.DecodeIntegersResponse{Coordinates: coordinatesToWire(c)}, nil
}

func (s *service) Close(_ context.Context, m *codecpb.CloseRequest) (_ *codecpb.CloseResponse, err error) {
	defer s.guard.Call("Close", &err)
	s.mu.Lock()
	stream, ok := s.streams[m.GetStream()]
	delete(s.streams, m.GetStream())
	s.mu.Unlock()
	if !ok {
		return nil, ErrClosed
	}
	if err := stream.Close(); err != nil {
		return nil, err
	}
	return &codecpb.CloseResponse{}, nil
}
