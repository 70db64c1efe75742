package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// exportBytes bounds the cells that were copied and are not packed yet; one page may always be.
const exportBytes = 128 << 20

// job is a page on its way out.
type job struct {
	scope  string
	tokens []backend.Token // all to its end
	cells  Cells
}

// export carries pages from the loop to the caller of ExportPages, who packs them.
type export struct {
	ready chan struct{} // holds one when there is a job
	most  int           // jobs

	mu   sync.Mutex
	jobs []job
	open int // jobs that were put and are not settled
}

func newExport(pageBytes int64) *export {
	return &export{ready: make(chan struct{}, 1), most: int(max(1, exportBytes/max(1, pageBytes)))}
}

// full says whether no more jobs are taken now.
func (x *export) full() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.open >= x.most
}

// settled says whether no job is under way.
func (x *export) settled() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.open == 0
}

func (x *export) put(j job) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.jobs = append(x.jobs, j)
	x.open++
	select {
	case x.ready <- struct{}{}:
	default:
	}
}

// take returns the next job. False: there is none.
func (x *export) take() (job, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.jobs) == 0 {
		return job{}, false
	}
	j := x.jobs[0]
	x.jobs[0] = job{}
	x.jobs = x.jobs[1:]
	return j, true
}

// settle says that a job has come to its end.
func (x *export) settle() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.open--
}

// ExportPages packs what is parked and hands it over. See [backend.Pager]. It fails with the reason
// when a page cannot be packed.
func (e *Engine) ExportPages(ctx context.Context, opened func(), emit func(backend.Page) error) error {
	if e.parker == nil {
		return errNoParking
	}
	x := newExport(e.parker.PageBytes())
	var busy bool
	if err := e.do(ctx, func(l *loop) {
		if busy = l.parking.out != nil; !busy {
			l.parking.out = x
		}
	}); err != nil {
		return err
	}
	if busy {
		return fmt.Errorf("engine: pages are being exported: %w", base.ErrBusy)
	}
	defer e.mailbox.post(func(l *loop) { l.closeExport(x) })
	opened()
	for {
		select {
		case <-x.ready:
		case <-ctx.Done():
			return ctx.Err()
		case <-e.mailbox.done:
			return fmt.Errorf("engine: %w", backend.ErrModelNotLoaded)
		}
		for j, ok := x.take(); ok; j, ok = x.take() {
			if err := e.handOver(ctx, x, j, emit); err != nil {
				return e.unless(err)
			}
		}
	}
}

// unless is the reason of what failed: the model's end where that has come.
func (e *Engine) unless(err error) error {
	select {
	case <-e.mailbox.done:
		return fmt.Errorf("engine: %w: %w", backend.ErrModelNotLoaded, err)
	default:
		return err
	}
}

func (e *Engine) handOver(ctx context.Context, x *export, j job, emit func(backend.Page) error) error {
	data, err := e.parker.Pack(ctx, j.tokens, j.cells)
	if err == nil {
		err = emit(backend.Page{Scope: j.scope, Tokens: j.tokens, Data: data, Nominal: e.parker.PageBytes()})
	} else {
		err = fmt.Errorf("engine: packing a page: %w", err)
	}
	e.mailbox.post(func(l *loop) {
		x.settle()
		if err != nil {
			l.refresh(j)
			return
		}
		l.stats.PagesPacked++
		l.stats.PackedBytes += int64(len(data))
		l.publish()
	})
	return err
}

// ParkModel parks all that is idle. See [backend.Pager].
func (e *Engine) ParkModel(ctx context.Context) error {
	if e.parker == nil {
		return errNoParking
	}
	done := make(chan error, 1)
	if err := e.do(ctx, func(l *loop) {
		if l.parking.out == nil {
			done <- errNoExport
			return
		}
		l.parking.waiting = append(l.parking.waiting, done)
	}); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-e.mailbox.done:
		return fmt.Errorf("engine: %w", backend.ErrModelNotLoaded)
	}
}

var (
	errNoParking = fmt.Errorf("engine: this model does not park: %w", base.ErrUnsupported)
	errNoExport  = fmt.Errorf("engine: nobody takes the pages: %w", base.ErrInvalid)
)

// do has the loop call f, and waits for that.
func (e *Engine) do(ctx context.Context, f func(*loop)) error {
	done := make(chan struct{})
	e.mailbox.post(func(l *loop) {
		f(l)
		close(done)
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-e.mailbox.done:
		return fmt.Errorf("engine: %w", backend.ErrModelNotLoaded)
	}
}
