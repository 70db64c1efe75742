package api

import (
	"context"

	"github.com/kakeyad/kakeyad/core/router"
)

// ahead is how many events a generation may be ahead of its reader before it waits.
const ahead = 64

// pump runs a generation in a goroutine and hands its events to one reader.
type pump struct {
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	events chan router.Piece // closed at the end
	err    error             // of the generation; valid once events is closed
}

// startPump runs generate until it ends, or the context that cancel ends does.
func startPump(ctx context.Context, cancel context.CancelCauseFunc, generate func(context.Context, func(router.Piece) error) error) *pump {
	p := &pump{ctx: ctx, cancel: cancel, events: make(chan router.Piece, ahead)}
	go func() {
		defer close(p.events)
		p.err = recovered(func() error { return generate(ctx, p.put) })
	}()
	return p
}

func (p *pump) put(e router.Piece) error {
	select {
	case p.events <- e:
		return nil
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
}

// next returns the next event; ok is false at the end, and then err says how it ended.
func (p *pump) next() (e router.Piece, ok bool, err error) {
	e, ok = <-p.events
	if !ok {
		return e, false, p.err
	}
	return e, true, nil
}

// stop ends the generation for the reason given.
func (p *pump) stop(reason error) { p.cancel(reason) }

// drain waits for the generation to end.
func (p *pump) drain() {
	for ok := true; ok; {
		_, ok, _ = p.next()
	}
}
