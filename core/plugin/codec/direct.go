package codec

import (
	"context"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Directed is a [Stream] behind a link whose RoundTrip can be called by code that is not Go. Streams of [Linked] are.
type Directed interface {
	// Direct keeps a lane of the link for that. The caller closes it before the link. base.ErrUnsupported: this link has
	// no lanes that others can use.
	Direct(ctx context.Context) (*Direct, error)
}

// Direct is a lane kept for calls of code that is not Go, one at a time.
type Direct struct {
	// Lane is its memory, see link.Call.Lane.
	Lane []byte
	// Patience is how long a call may take. After that it is told by Overdue.
	Patience time.Duration

	stream *linkStream
	call   *link.Call
	buf    []placed
}

// LayerAt is where the i-th Vectors of a message of [Direct.RoundTrip] has its layer, in four bytes, little-endian.
func LayerAt(i int) int { return messageHead + i*vectorSize }

// Direct implements [Directed].
func (s *linkStream) Direct(ctx context.Context) (*Direct, error) {
	call, err := s.link.Begin(ctx, 0)
	if err != nil {
		return nil, err
	}
	lane, err := call.Lane()
	if err != nil {
		call.End()
		return nil, err
	}
	return &Direct{Lane: lane, Patience: s.link.Patience(), stream: s, call: call}, nil
}

// RoundTrip appends the message that asks for a RoundTrip to dst. The answer to one that succeeded is one byte, zero; for
// any other answer make the call again through the stream, which says what is wrong. False: not all data lie in memory
// of Alloc. Vectors that the stream would refuse are its error.
func (d *Direct) RoundTrip(dst []byte, v ...Vectors) ([]byte, bool, error) {
	if err := d.stream.ready(v); err != nil {
		return dst, false, err
	}
	var scratch int
	d.buf, scratch = d.stream.plan(d.buf[:0], v)
	if scratch > 0 {
		return dst, false, nil
	}
	return message{op: opRoundTrip, stream: d.stream.id, vectors: d.buf}.append(dst), true, nil
}

// Overdue ends a link whose codec did not answer in time, and returns the error of all calls from then on.
func (d *Direct) Overdue() error { return d.call.Overdue() }

// Close gives the lane back. No call may be under way.
func (d *Direct) Close() { d.call.End() }
