package router

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/kakeyad/kakeyad/core/chat/answer"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Piece is an event of one of the answers to a request. Its Text is what the model says: neither
// thought nor call.
type Piece struct {
	Choice int // which answer, from 0
	backend.Event
	Thought string
	Calls   []answer.CallDelta
}

// FinishCalls is the reason of an answer that ended with calls of functions.
const FinishCalls backend.FinishReason = "tool_calls"

// maxAtOnce is how many answers to one request are generated at the same time.
const maxAtOnce = 16

// several runs n generations, some at the same time, and passes their pieces on one by one. The
// first error ends them all. A panic of one goes on in the caller, who may be ready for it.
func several(ctx context.Context, n int, emit func(Piece) error, one func(ctx context.Context, choice int, emit func(Piece) error) error) error {
	if n == 1 {
		return one(ctx, 0, emit)
	}
	var mu sync.Mutex
	var panicked atomic.Pointer[string]
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxAtOnce)
	for i := range n {
		group.Go(func() (err error) {
			defer func() {
				if v := recover(); v != nil {
					text := fmt.Sprintf("%v\n%s", v, debug.Stack())
					panicked.Store(&text)
					err = errPanicked
				}
			}()
			return one(ctx, i, func(p Piece) error {
				mu.Lock()
				defer mu.Unlock()
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				p.Choice = i
				return emit(p)
			})
		})
	}
	err := group.Wait()
	if text := panicked.Load(); text != nil {
		panic(*text)
	}
	return err
}

var errPanicked = errors.New("a generation panicked")

// seeded is a request for the n-th answer: each has draws of its own.
func seeded(g backend.GenerateRequest, n int) backend.GenerateRequest {
	if g.Sampling.Seed != 0 {
		g.Sampling.Seed += uint64(n)
	}
	return g
}
