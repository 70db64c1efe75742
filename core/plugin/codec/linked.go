package codec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Linked is a [Codec] behind a link: a backend's. Vectors whose Data lies in what Alloc gave out
// stay where they are; those of others are copied in and out.
type Linked struct {
	*client
	link *link.Client
}

// Dial uses up a ticket, see [Linker]. The caller closes what it gets. For errors see [link.Dial].
func Dial(ctx context.Context, t link.Ticket, o link.Options) (*Linked, error) {
	l, err := link.Dial(ctx, t, o)
	if err != nil {
		return nil, err
	}
	return &Linked{client: newClient(l.Control()), link: l}, nil
}

// Alloc gives out n bytes of shared memory, see [link.Client.Alloc].
func (l *Linked) Alloc(n int) ([]byte, error) { return l.link.Alloc(n) }

// Free takes back what Alloc gave out.
func (l *Linked) Free(b []byte) { l.link.Free(b) }

// Control carries the calls that need no shared memory.
func (l *Linked) Control() grpc.ClientConnInterface { return l.link.Control() }

// Gone closes when the codec is gone or the link was closed.
func (l *Linked) Gone() <-chan struct{} { return l.link.Gone() }

// Close ends the link and with it all streams; calls under way fail with base.ErrPluginGone.
func (l *Linked) Close() error { return l.link.Close() }

// Open implements [Codec]. It may take as long as any call of the link.
func (l *Linked) Open(ctx context.Context, shape Shape, params Params) (Stream, error) {
	limited, cancel := context.WithTimeout(ctx, l.link.Patience())
	defer cancel()
	s, err := l.client.open(limited, shape, params)
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return nil, l.link.Distrust(fmt.Errorf("%w: opening a stream took longer than %v", base.ErrHung, l.link.Patience()))
	case errors.Is(err, base.ErrLied):
		return nil, l.link.Distrust(err)
	case err != nil:
		return nil, err
	}
	return &linkStream{stream: s, link: l.link}, nil
}

// linkStream is a stream whose tensors go through shared memory.
type linkStream struct {
	*stream
	link *link.Client
}

// places are reused from call to call: most calls have two vectors.
var places = sync.Pool{New: func() any { return new([]placed) }}

func putPlaces(buf *[]placed) {
	clear(*buf) // it must not keep the vectors alive
	places.Put(buf)
}

// align is what data in the scratch are aligned to.
const align = 64

func aligned(n int) int { return (n + align - 1) / align * align }

// plan says where each vector lies in the arena, and how many bytes of scratch the others need;
// their places are relative to the scratch, which is known later.
func (s *linkStream) plan(buf []placed, v []Vectors) (p []placed, scratch int) {
	for i := range v {
		x := placed{header: v[i], data: link.Place{Length: uint64(len(v[i].Data))}}
		if at, ok := s.link.Locate(v[i].Data); ok {
			x.data.At = uint64(at)
			x.header.Data = nil
		} else {
			x.data.At = uint64(scratch)
			scratch += aligned(len(v[i].Data))
		}
		buf = append(buf, x)
	}
	return buf, scratch
}

// settle makes places absolute and copies data into the scratch.
func settle(p []placed, call *link.Call, in bool) {
	for i := range p {
		if p[i].header.Data == nil {
			continue
		}
		if in {
			copy(call.Scratch[p[i].data.At:], p[i].header.Data)
		}
		p[i].data.At += uint64(call.ScratchAt)
	}
}

// collect copies data out of the scratch.
func collect(p []placed, call *link.Call) {
	for i := range p {
		if p[i].header.Data != nil {
			copy(p[i].header.Data, call.Scratch[p[i].data.At-uint64(call.ScratchAt):])
		}
	}
}

// do makes a call and returns what the answer says.
func (s *linkStream) do(ctx context.Context, call *link.Call, m message) ([]byte, error) {
	m.stream = s.id
	call.Message = m.append(call.Message)
	if err := call.Do(ctx); err != nil {
		return nil, err
	}
	answer, err := link.ReadAnswer(call.Reply)
	if errors.Is(err, link.ErrAnswer) {
		return nil, s.lied("%w", err)
	}
	err = errorMap.Decode(ctx, err)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = ctx.Err() // the peer does not know why: it may have been the deadline
	}
	return answer, err
}

func (s *linkStream) RoundTrip(ctx context.Context, v ...Vectors) error {
	if err := s.ready(v); err != nil {
		return err
	}
	buf := places.Get().(*[]placed)
	defer putPlaces(buf)
	p, scratch := s.plan((*buf)[:0], v)
	*buf = p
	call, err := s.link.Begin(ctx, scratch)
	if err != nil {
		return err
	}
	defer call.End()
	settle(p, call, true)
	if _, err := s.do(ctx, call, message{op: opRoundTrip, vectors: p}); err != nil {
		return err
	}
	collect(p, call)
	return nil
}

// lied ends the link for what the codec answered.
func (s *linkStream) lied(format string, args ...any) error {
	return s.link.Distrust(fmt.Errorf("%w: %w", base.ErrLied, fmt.Errorf(format, args...)))
}

// frameRoom is what a frame may need beyond the bytes of the vectors.
const frameRoom = 16 << 10

func (s *linkStream) Encode(ctx context.Context, dst []byte, v ...Vectors) ([]byte, error) {
	if err := s.ready(v); err != nil {
		return dst, err
	}
	buf := places.Get().(*[]placed)
	defer putPlaces(buf)
	room := frameRoom
	for i := range v {
		room += len(v[i].Data)
	}
	for {
		out, need, err := s.encode(ctx, buf, dst, v, room)
		if err != nil || need <= room {
			return out, err
		}
		room = need // it was larger than what it holds: once more
	}
}

// encode appends the frame if it fits into so many bytes, and returns how many it needs.
func (s *linkStream) encode(ctx context.Context, buf *[]placed, dst []byte, v []Vectors, room int) (_ []byte, need int, err error) {
	p, at := s.plan((*buf)[:0], v)
	*buf = p
	call, err := s.link.Begin(ctx, at+room)
	if err != nil {
		return dst, 0, err
	}
	defer call.End()
	settle(p, call, true)
	answer, err := s.do(ctx, call, message{
		op: opEncode, vectors: p,
		frame: link.Place{At: uint64(call.ScratchAt + at), Length: uint64(room)},
	})
	if err != nil {
		return dst, 0, err
	}
	if len(answer) != 8 {
		return dst, 0, s.lied("%w", link.ErrAnswer)
	}
	n := binary.LittleEndian.Uint64(answer)
	if n > uint64(mostFrame(v)) {
		return dst, 0, s.lied("a frame of %d bytes, of vectors for which %d are the most", n, mostFrame(v))
	}
	if n <= uint64(room) {
		dst = append(dst, call.Scratch[at:at+int(n)]...)
	}
	return dst, int(n), nil
}

func (s *linkStream) Decode(ctx context.Context, frame []byte, v ...Vectors) error {
	if err := s.ready(v); err != nil {
		return err
	}
	buf := places.Get().(*[]placed)
	defer putPlaces(buf)
	p, at := s.plan((*buf)[:0], v)
	*buf = p
	call, err := s.link.Begin(ctx, at+len(frame))
	if err != nil {
		return err
	}
	defer call.End()
	settle(p, call, false)
	copy(call.Scratch[at:], frame)
	m := message{op: opDecode, vectors: p, frame: link.Place{At: uint64(call.ScratchAt + at), Length: uint64(len(frame))}}
	if _, err := s.do(ctx, call, m); err != nil {
		return err
	}
	collect(p, call)
	return nil
}

func (s *linkStream) DecodeIntegers(ctx context.Context, frame []byte, c ...Coordinates) error {
	if err := s.readyIntegers(c); err != nil {
		return err
	}
	p, scratch := make([]placed, len(c)), 0
	place := func(n int) link.Place {
		at := scratch
		scratch += aligned(n)
		return link.Place{At: uint64(at), Length: uint64(n)}
	}
	for i := range c {
		p[i] = placed{header: c[i].header(), data: place(2 * len(c[i].Z)), scale: place(4 * len(c[i].Scale))}
	}
	call, err := s.link.Begin(ctx, scratch+len(frame))
	if err != nil {
		return err
	}
	defer call.End()
	base := uint64(call.ScratchAt)
	for i := range p {
		p[i].data.At += base
		p[i].scale.At += base
	}
	copy(call.Scratch[scratch:], frame)
	m := message{op: opDecodeIntegers, vectors: p, frame: link.Place{At: base + uint64(scratch), Length: uint64(len(frame))}}
	if _, err := s.do(ctx, call, m); err != nil {
		return err
	}
	for i := range c {
		copy(c[i].Z, link.Int16s(call.Scratch[p[i].data.At-base:][:p[i].data.Length]))
		copy(c[i].Scale, link.Float32s(call.Scratch[p[i].scale.At-base:][:p[i].scale.Length]))
	}
	return nil
}
