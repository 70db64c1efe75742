package router

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// defaultPatience is that of Options.CallTimeout.
const defaultPatience = 30 * time.Second

// How many times the patience nothing may happen in a long call.
const (
	stallTimes     = 10
	loadStallTimes = 20
)

// perSecond is how much a quick call works on in a second at least, bytes or tokens: a second is added
// to its time for each.
const perSecond = 64 << 10

// timed makes a call that is quick for its size.
func timed[T any](ctx context.Context, s strict, what string, size int, call func(context.Context) (T, error)) (T, error) {
	limit := s.m.patience + time.Duration(size/perSecond)*time.Second
	var out T
	late, err := within(ctx, limit, func(ctx context.Context) (err error) {
		out, err = call(ctx)
		return err
	})
	if late {
		err = fmt.Errorf("%w: %s took longer than %v", base.ErrHung, what, limit)
	}
	return out, err
}

// within makes a call that has a limit, and says whether it failed for that: by this end's clock or, a
// little earlier, by the other's.
func within(ctx context.Context, limit time.Duration, call func(context.Context) error) (late bool, err error) {
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err = call(limited)
	late = errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && time.Since(began) >= limit-limit/10
	return late, err
}

// vigil watches over a call that may take any time, as long as it gets on. It looks each time that
// there was no word for the model's patience: a backend that does not even answer for its Stats hangs,
// and so does one whose counters stand still for stallTimes as long, or from which there was no word of
// loading for loadStallTimes as long. Time in which the daemon does not listen, as its client does
// not read, does not count.
type vigil struct {
	m      *model
	what   string
	counts bool // Stats tell of progress
	cancel context.CancelCauseFunc
	timer  *time.Timer
	heard  atomic.Int64 // words, twice each: odd while one is dealt with

	mu     sync.Mutex
	over   bool
	last   int64         // heard, when it looked last
	work   backend.Stats // then
	since  time.Time     // something last happened
	reason error
}

// keepVigil begins; end must be called with what came of the call, which gets the context.
func (m *model) keepVigil(ctx context.Context, what string, counts bool) (context.Context, *vigil) {
	v := &vigil{m: m, what: what, counts: counts, since: time.Now()}
	ctx, v.cancel = context.WithCancelCause(ctx)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.timer = time.AfterFunc(m.patience, func() { v.look(ctx) })
	return ctx, v
}

// hear notes a word of the backend. What it returns is called when the word was dealt with.
func (v *vigil) hear() func() {
	v.heard.Add(1)
	return func() { v.heard.Add(1) }
}

// end returns the error of the call, or why it was ended.
func (v *vigil) end(err error) error {
	v.timer.Stop()
	v.cancel(nil)
	v.mu.Lock() // a look that is under way ends with the context
	defer v.mu.Unlock()
	v.over = true
	if v.reason != nil {
		return v.reason
	}
	return err
}

func (v *vigil) look(ctx context.Context) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.over {
		return
	}
	if v.reason = v.stuck(ctx); v.reason != nil {
		v.cancel(v.reason)
		return
	}
	v.timer.Reset(v.m.patience)
}

// stuck says why the call will not end, nil if it may.
func (v *vigil) stuck(ctx context.Context) error {
	now := time.Now()
	if heard := v.heard.Load(); heard != v.last || heard%2 == 1 {
		v.last, v.since = heard, now
		return nil
	}
	times := loadStallTimes
	if v.counts {
		times = stallTimes
		work, err := v.m.work(ctx)
		switch {
		case errors.Is(err, base.ErrHung):
			return err
		case err != nil: // the call will tell
		case work != v.work:
			v.work, v.since = work, now
			return nil
		}
	}
	if most := time.Duration(times) * v.m.patience; now.Sub(v.since) >= most {
		return fmt.Errorf("%w: %s does not get on: nothing has happened for %v", base.ErrHung, v.what, most)
	}
	return nil
}

// work is what the backend has done for the model. What requests alone change is left out.
func (m *model) work(ctx context.Context) (backend.Stats, error) {
	var s backend.Stats
	late, err := within(ctx, m.patience, func(ctx context.Context) (err error) {
		s, err = m.instance.Stats(ctx, m.id)
		return err
	})
	if late {
		err = fmt.Errorf("%w: it does not answer for its statistics in %v", base.ErrHung, m.patience)
	}
	s.Active, s.Waiting, s.CellsUsed, s.Requests = 0, 0, 0, 0
	return s, err
}
