package codec

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// linkService is the far end of a link.
type linkService struct {
	*service
	work sync.Pool // of *linkWork
}

// linkWork is what a call of a lane needs, used again by others.
type linkWork struct {
	message message
	vectors []Vectors
	frame   []byte
}

// Register implements [link.Service].
func (s *linkService) Register(r grpc.ServiceRegistrar) { s.register(r) }

// Close implements [link.Service].
func (s *linkService) Close() { s.end() }

// Call implements [link.Service].
func (s *linkService) Call(ctx context.Context, memory, request, reply []byte) []byte {
	w, ok := s.work.Get().(*linkWork)
	if !ok {
		w = new(linkWork)
	}
	answer, err := s.call(ctx, w, memory, request, append(reply, link.AnswerOK))
	clear(w.vectors)
	s.work.Put(w)
	if err != nil {
		return link.AppendError(reply, err)
	}
	return answer
}

func (s *linkService) call(ctx context.Context, w *linkWork, memory, request, answer []byte) (_ []byte, err error) {
	defer s.guard.Call("link", &err)
	m := &w.message
	if err := m.parse(request); err != nil {
		return nil, err
	}
	stream, err := s.find(m.stream)
	if err != nil {
		return nil, err
	}
	frame, ok := m.frame.In(memory, 1)
	if !ok {
		return nil, outside("frame")
	}
	if m.op == opDecodeIntegers {
		return answer, s.integers(ctx, w, stream, memory, frame)
	}
	if err := w.place(stream.shape, memory); err != nil {
		return nil, err
	}
	switch m.op {
	case opRoundTrip:
		return answer, stream.RoundTrip(ctx, w.vectors...)
	case opDecode:
		// A copy: what is decoded must be what was checked.
		w.frame = append(w.frame[:0], frame...)
		return answer, stream.Decode(ctx, w.frame, w.vectors...)
	default:
		out, err := stream.Encode(ctx, w.frame[:0], w.vectors...)
		if err != nil {
			return nil, err
		}
		w.frame = out[:0]
		if len(out) <= len(frame) {
			copy(frame, out)
		}
		return binary.LittleEndian.AppendUint64(answer, uint64(len(out))), nil
	}
}

// place makes the vectors of a message, in the shared memory.
func (w *linkWork) place(shape Shape, memory []byte) error {
	w.vectors = w.vectors[:0]
	for i := range w.message.vectors {
		v := w.message.vectors[i].header
		var ok bool
		if v.Data, ok = w.message.vectors[i].data.In(memory, 1); !ok {
			return outside(vectorName(i, "data"))
		}
		w.vectors = append(w.vectors, v)
	}
	return shape.Check(w.vectors...)
}

func (s *linkService) integers(ctx context.Context, w *linkWork, stream *served, memory, frame []byte) error {
	integers, err := integersOf(stream)
	if err != nil {
		return err
	}
	c := make([]Coordinates, len(w.message.vectors))
	for i := range w.message.vectors {
		p := &w.message.vectors[i]
		z, ok := p.data.In(memory, 2)
		if !ok {
			return outside(vectorName(i, "z"))
		}
		scale, ok := p.scale.In(memory, 4)
		if !ok {
			return outside(vectorName(i, "scale"))
		}
		if len(z)%2 != 0 || len(scale)%4 != 0 {
			return invalid(vectorName(i, "z"), "half a number")
		}
		h := p.header
		c[i] = Coordinates{
			Layer: h.Layer, Part: h.Part, Pos: h.Pos, Tokens: h.Tokens,
			Z: link.Int16s(z), Scale: link.Float32s(scale),
		}
	}
	if err := stream.shape.CheckCoordinates(c...); err != nil {
		return err
	}
	w.frame = append(w.frame[:0], frame...)
	return integers.DecodeIntegers(ctx, w.frame, c...)
}

func outside(what string) error {
	return fmt.Errorf("%s: %w: not within the shared memory", what, base.ErrInvalid)
}
