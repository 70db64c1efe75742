package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// supervisor owns one plugin. All of its fields but the channels and the published status belong
// to the goroutine of run.
type supervisor struct {
	host    *Host
	sockets string // folder for them
	spec    Spec
	log     *slog.Logger

	calls     chan call
	done      chan struct{} // closed when run has returned
	published atomic.Pointer[Status]

	waiting  []call // for the start under way
	backoff  backoff
	launches int
	now      Status
}

// call is a request for the running instance. The answer has room for one: nobody waits to give it.
type call struct{ answer chan<- answer }

type answer struct {
	instance *Instance
	err      error
}

func newSupervisor(h *Host, spec Spec, sockets string) *supervisor {
	s := &supervisor{
		host:    h,
		sockets: sockets,
		spec:    spec,
		log:     h.log.With("plugin", spec.Name),
		calls:   make(chan call),
		done:    make(chan struct{}),
		backoff: backoff{min: h.options.RestartMin, max: h.options.RestartMax},
		now:     Status{Name: spec.Name, Kind: spec.Kind, Path: spec.Path, State: StateIdle},
	}
	s.publish()
	return s
}

// get asks for the running instance.
func (s *supervisor) get(ctx context.Context) (*Instance, error) {
	answers := make(chan answer, 1)
	stopped := fmt.Errorf("plugin %q: %w: %w", s.spec.Name, base.ErrPluginGone, ErrStopped)
	select {
	case s.calls <- call{answers}:
	case <-s.done:
		return nil, stopped
	case <-ctx.Done():
		return nil, fmt.Errorf("plugin %q: %w", s.spec.Name, context.Cause(ctx))
	}
	select {
	case a := <-answers:
		return a.instance, a.err
	case <-s.done:
		return nil, stopped
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for plugin %q to start: %w", s.spec.Name, context.Cause(ctx))
	}
}

// run is the life of a plugin: idle until it is asked for, then started again and again.
func (s *supervisor) run() {
	defer close(s.done)
	defer s.enter(StateStopped, nil)
	if !s.idle() {
		return
	}
	for {
		s.launches++
		s.now.Restarts = s.launches - 1
		l := newLaunch(s.spec, &s.host.options, s.log, s.sockets)
		instance, err := s.start(l)
		if err == nil {
			err = s.watch(l, instance)
		}
		if s.stopping() {
			return
		}
		if !s.rest(err) {
			return
		}
	}
}

// idle waits for the first call. False: the host stops.
func (s *supervisor) idle() bool {
	select {
	case c := <-s.calls:
		s.waiting = append(s.waiting, c)
		return true
	case <-s.host.quit:
		return false
	}
}

// start brings a process up. After an error nothing is left of it.
func (s *supervisor) start(l *launch) (*Instance, error) {
	s.enter(StateStarting, s.now.Error)
	done := make(chan answer, 1)
	go func() {
		instance, err := l.start()
		done <- answer{instance, err}
	}()
	quit := s.host.quit
	for {
		select {
		case c := <-s.calls:
			s.waiting = append(s.waiting, c)
		case <-quit:
			quit = nil
			l.process.kill() // start returns now
		case a := <-done:
			if a.err != nil {
				l.clean(time.Now())
				return nil, a.err
			}
			return a.instance, nil
		}
	}
}

// watch serves calls while the process runs, and returns why it does so no more. Nothing is left
// of the process then.
func (s *supervisor) watch(l *launch, instance *Instance) error {
	s.now.PID, s.now.Started, s.now.Info = instance.PID, time.Now(), instance.Info
	s.enter(StateRunning, s.now.Error)
	s.answer(instance, nil)
	stable := time.NewTimer(s.host.options.StableAfter)
	defer stable.Stop()
	ctx, cancel := context.WithCancel(context.Background())
	ill := make(chan error, 1)
	go func() { ill <- s.checkHealth(ctx, instance) }()
	defer func() {
		cancel()
		<-ill //nolint:errcheck // its end is waited for; what it found does not matter any more
		s.now.PID, s.now.Started = 0, time.Time{}
	}()
	for {
		select {
		case c := <-s.calls:
			c.answer <- answer{instance: instance}
		case <-stable.C:
			s.backoff.reset()
		case <-s.host.quit:
			s.stop(l)
			return nil
		case err := <-ill:
			ill <- nil // for the deferred wait
			if err != nil {
				s.execute(l, instance)
				return err
			}
		case reason := <-instance.accused:
			s.execute(l, instance)
			return fmt.Errorf("plugin %q: %w: it was stopped: %w", s.spec.Name, base.ErrPluginGone, reason)
		case <-instance.Gone():
			l.clean(time.Now())
			return l.died()
		}
	}
}

// execute ends a running process without asking it.
func (s *supervisor) execute(l *launch, instance *Instance) {
	l.process.kill()
	<-instance.Gone()
	l.clean(time.Now())
}

// stop ends a running process: it is asked first, and killed when its time is over.
func (s *supervisor) stop(l *launch) {
	undo := context.AfterFunc(s.host.hurry, l.process.kill)
	defer undo()
	overdue := time.AfterFunc(s.host.options.StopTimeout, l.process.kill)
	defer overdue.Stop()
	l.clean(time.Now().Add(s.host.options.StopTimeout))
}

// rest waits until the plugin should be started again. Calls wait too if that is soon. False: the
// host stops.
func (s *supervisor) rest(cause error) bool {
	state := StateDown
	delay := s.backoff.next(rand.Float64())
	if errors.Is(cause, base.ErrUnsupported) || errors.Is(cause, ErrChecksum) {
		state, delay = StateRefused, s.host.options.RestartMax
	}
	s.now.Retry = time.Now().Add(delay)
	s.now.End = endOf(cause)
	s.now.Ends = s.now.Ends.with(s.now.End)
	s.enter(state, cause)
	s.log.Error("plugin is "+string(state), "err", cause, "retry_in", delay.Round(time.Millisecond))
	down := func() error {
		if state == StateRefused {
			return cause
		}
		return &DownError{Plugin: s.spec.Name, Retry: s.now.Retry, Cause: cause}
	}
	s.answer(nil, down()) // those who waited for a start that has failed
	retry := time.NewTimer(delay)
	defer retry.Stop()
	for {
		select {
		case c := <-s.calls:
			if state == StateDown && time.Until(s.now.Retry) <= s.host.options.RestartWait {
				s.waiting = append(s.waiting, c)
			} else {
				c.answer <- answer{err: down()}
			}
		case <-s.host.quit:
			return false
		case <-retry.C:
			s.now.Retry = time.Time{}
			return state == StateDown || s.idle() // what was refused is tried again when asked for
		}
	}
}

// answer gives all who wait the same.
func (s *supervisor) answer(instance *Instance, err error) {
	for _, c := range s.waiting {
		c.answer <- answer{instance, err}
	}
	s.waiting = nil
}

// enter changes the state and tells of it.
func (s *supervisor) enter(state State, err error) {
	s.now.State, s.now.Error = state, err
	s.publish()
	event := Event{Plugin: s.spec.Name, Kind: s.spec.Kind, State: state}
	if state == StateDown || state == StateRefused {
		event.Error = err
	}
	s.host.options.OnEvent(event)
}

func (s *supervisor) publish() {
	now := s.now
	s.published.Store(&now)
}

// status is what was last published, and the memory as it is now.
func (s *supervisor) status() Status {
	now := *s.published.Load()
	if now.PID != 0 {
		now.RSS = residentMemory(now.PID)
	}
	return now
}

func (s *supervisor) stopping() bool {
	select {
	case <-s.host.quit:
		return true
	default:
		return false
	}
}
