// Package shadow lets the second of two channels answer what the first has answered, unseen, when a daemon
// has nothing else to do, and compares the two.
//
// One request runs at a time, and only while no other call is open; as soon as one opens, it is given up
// and counted as censored. It loads its model only where there is memory that nobody uses, and that model
// is the first to go (see router.OpenSpare). Requests wait in a queue that is bounded in number and bytes;
// what does not fit is counted as dropped. They are held in memory, and nowhere else, until they have run.
package shadow

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/experiment"
	"github.com/kakeyad/kakeyad/core/pool"
	"github.com/kakeyad/kakeyad/core/router"
)

// Bounds of the queue, and of one answer.
const (
	maxWaiting = 16
	maxBytes   = 16 << 20
	maxTime    = 10 * time.Minute
)

// Job is a request that A has answered.
type Job struct {
	Definition experiment.Definition
	Channel    *channel.Channel // B
	Scope      string           // see router.Call.KeepTo
	Bytes      int              // that the request holds, about
	Greedy     bool             // both take the likeliest token each time
	A          Answer

	// Run has the request answered once more.
	Run func(ctx context.Context, call *router.Call, emit func(router.Piece) error) error
}

// Runner runs jobs. Its methods are safe for concurrent use. It must be closed, before its router is.
type Runner struct {
	router  *router.Router
	results *experiment.Registry
	log     *slog.Logger

	mu      sync.Mutex
	waiting []Job
	bytes   int
	wake    chan struct{} // holds a token when there may be something to do

	stop context.CancelCauseFunc
	done chan struct{}
}

// New returns a runner that waits for jobs. log may be nil: slog.Default().
func New(r *router.Router, results *experiment.Registry, log *slog.Logger) *Runner {
	if log == nil {
		log = slog.Default()
	}
	ctx, stop := context.WithCancelCause(context.Background())
	s := &Runner{router: r, results: results, log: log, wake: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	go s.work(ctx)
	return s
}

// Submit takes a job in, or counts it as dropped. It does not wait.
func (s *Runner) Submit(j Job) {
	s.mu.Lock()
	fits := len(s.waiting) < maxWaiting && s.bytes+j.Bytes <= maxBytes
	if fits {
		s.waiting = append(s.waiting, j)
		s.bytes += j.Bytes
	}
	s.mu.Unlock()
	if !fits {
		s.results.Lose(j.Definition, experiment.Dropped)
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Close gives up what runs and what waits, and returns when nothing does any more.
func (s *Runner) Close() {
	s.stop(router.ErrClosed)
	<-s.done
}

func (s *Runner) work(ctx context.Context) {
	defer close(s.done)
	for {
		j, ok := s.next()
		if ok {
			s.run(ctx, j)
			continue
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
}

// next takes a job off the queue.
func (s *Runner) next() (j Job, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return j, false
	}
	j, s.waiting[0] = s.waiting[0], Job{}
	s.waiting = s.waiting[1:]
	s.bytes -= j.Bytes
	return j, true
}

// run lets B answer and records what came of it.
func (s *Runner) run(ctx context.Context, j Job) {
	b, err := s.answer(ctx, j)
	switch {
	case ctx.Err() != nil: // closing
	case err == nil:
		s.results.Pair(j.Definition, compare(j, b))
	case errors.Is(err, router.ErrPreempted):
		s.results.Lose(j.Definition, experiment.Censored)
	case errors.Is(err, pool.ErrNoRoom), errors.Is(err, pool.ErrTooLarge):
		s.results.Lose(j.Definition, experiment.Dropped)
	default:
		s.log.Warn("the second channel of an experiment cannot answer what the first did", "experiment", j.Definition.Name, "channel", j.Channel.Name, "error", err)
		s.results.Pair(j.Definition, experiment.Pair{Failed: true})
	}
}

func (s *Runner) answer(ctx context.Context, j Job) (b Answer, err error) {
	call, ctx, err := s.router.OpenSpare(ctx, j.Channel)
	if err != nil {
		return b, err
	}
	defer call.Close()
	call.KeepTo(j.Scope)
	timed, cancel := context.WithTimeoutCause(ctx, maxTime, router.ErrTimeout)
	defer cancel()
	err = j.Run(timed, call, func(p router.Piece) error {
		b.Add(p)
		return nil
	})
	if cause := context.Cause(ctx); cause != nil { // whatever the call made of it
		return b, cause
	}
	return b, err
}
