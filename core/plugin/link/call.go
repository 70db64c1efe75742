package link

import (
	"context"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link/linkpb"
)

// Call is a lane that the caller holds, with a piece of the arena for what does not lie there yet.
// While it is held, the shared memory stays mapped.
type Call struct {
	Message   []byte // for the caller to fill; at most MaxMessage bytes
	Reply     []byte // after Do; the next holder's after End
	Scratch   []byte // piece of the arena
	ScratchAt int    // where in the arena it is

	client *Client
	lane   *lane

	answered chan struct{} // tells watch that the answer is there
	watched  chan struct{} // watch has returned
}

func newCall(c *Client, l *lane) *Call {
	return &Call{client: c, lane: l, answered: make(chan struct{}, 1), watched: make(chan struct{}, 1)}
}

// Begin waits for a lane and for the scratch, which may be 0 bytes. The caller ends the call.
//
// Errors: base.ErrInvalid (the arena is smaller than the scratch), base.ErrPluginGone, the
// context's.
func (c *Client) Begin(ctx context.Context, scratch int) (*Call, error) {
	k, err := c.lend(ctx)
	if err != nil {
		return nil, err
	}
	k.Message, k.Reply = k.Message[:0], k.Reply[:0]
	if scratch == 0 {
		return k, nil
	}
	at, err := c.arena.wait(ctx, scratch, c.gone)
	if err != nil {
		c.idle.put(k)
		return nil, fmt.Errorf("link: %w", err)
	}
	k.ScratchAt, k.Scratch = at, c.memory[at:at+scratch:at+scratch]
	return k, nil
}

func (c *Client) lend(ctx context.Context) (*Call, error) {
	if c.cut.Load() {
		return nil, c.err()
	}
	select {
	case <-c.idle.tokens:
	default:
		select {
		case <-c.idle.tokens:
		case <-c.gone:
			return nil, c.err()
		case <-ctx.Done():
			return nil, fmt.Errorf("link: wait for a lane: %w", ctx.Err())
		}
	}
	k := c.idle.pop()
	if c.cut.Load() {
		c.idle.put(k)
		return nil, c.err()
	}
	return k, nil
}

// End gives the lane and the scratch back.
func (k *Call) End() {
	if k.Scratch != nil {
		k.client.arena.give(k.ScratchAt)
		k.Scratch = nil
	}
	k.client.idle.put(k)
}

// Do sends Message and waits for Reply. A context that ends is told to the peer; Do returns when
// the peer has let go of the memory, or cuts the link after Options.Grace.
//
// Errors: base.ErrInvalid (the message is too long), base.ErrPluginGone, the context's.
func (k *Call) Do(ctx context.Context) error {
	if len(k.Message) > MaxMessage {
		return fmt.Errorf("link: %w: a message of %d bytes", base.ErrInvalid, len(k.Message))
	}
	if ctx.Err() != nil {
		return fmt.Errorf("link: %w", ctx.Err())
	}
	c, l := k.client, k.lane
	number := c.next.Add(1)
	l.put(k.Message)
	atomic.StoreUint32(l.call, number)
	l.set(laneAsked)
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() { k.watch(ctx, number) })
	}
	answered := l.await(laneAnswered, &c.cut, c.patient, c.overdue)
	if !stop() {
		k.answered <- struct{}{}
		<-k.watched
		select {
		case <-k.answered:
		default:
		}
	}
	if !answered {
		return c.err()
	}
	reply, ok := l.take(k.Reply[:0])
	if !ok {
		c.cutOff(fmt.Errorf("%w: a message of an impossible length", base.ErrLied))
		return c.err()
	}
	k.Reply = reply
	return nil
}

// watch tells the peer that the call is cancelled, and cuts the link if that does not help.
func (k *Call) watch(cause context.Context, number uint32) {
	defer func() { k.watched <- struct{}{} }()
	ctx, cancel := context.WithTimeout(context.Background(), k.client.grace)
	defer cancel()
	// An error means that the link has ended, which ends the waiting too, or that time is up.
	_, _ = k.client.cancels.Cancel(ctx, &linkpb.CancelRequest{Lane: k.lane.index, Call: number})
	select {
	case <-k.answered:
	case <-ctx.Done():
		k.client.cutOff(fmt.Errorf("%w: it did not let go of a call %v after it was cancelled: %w", base.ErrHung, k.client.grace, cause.Err()))
	}
}

// overdue cuts a link whose peer does not answer.
func (c *Client) overdue() {
	c.cutOff(fmt.Errorf("%w: a call took longer than %v", base.ErrHung, c.patient))
}

// Distrust cuts a link for what the peer has said or left unsaid, and returns what callers get from then
// on: base.ErrPluginGone with the reason.
func (c *Client) Distrust(reason error) error {
	c.cutOff(reason)
	return c.err()
}

// cutOff ends a link whose peer lives but does not keep to the rules.
func (c *Client) cutOff(cause error) {
	c.wire.once.Do(func() { c.end(cause) })
	_ = c.wire.Close()
}

// Place is a range of the arena as a message tells of it.
type Place struct{ At, Length uint64 }

// In returns the range of the memory. False: it is not within, or not aligned to a power of two.
func (p Place) In(memory []byte, align uint64) ([]byte, bool) {
	if p.At > uint64(len(memory)) || p.Length > uint64(len(memory))-p.At || p.At%align != 0 {
		return nil, false
	}
	return memory[p.At : p.At+p.Length : p.At+p.Length], true
}

// Int16s is a range as numbers. It must be aligned and whole.
func Int16s(b []byte) []int16 {
	return unsafe.Slice((*int16)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/2)
}

// Float32s is a range as numbers. It must be aligned and whole.
func Float32s(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

// Int32s is a range as numbers. It must be aligned and whole.
func Int32s(b []byte) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}
