package backendtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// running is a request under way. The check that began it stops it or waits for it.
type running struct {
	cancel context.CancelFunc
	first  chan struct{} // closed at the first event that has a token
	done   chan struct{}
	answer answer
	err    error
}

// begin runs a request at the side.
func (m *model) begin(ctx context.Context, req backend.GenerateRequest) *running {
	ctx, cancel := context.WithCancel(ctx)
	r := &running{cancel: cancel, first: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		begun := false
		r.answer, r.err = m.askEach(ctx, req, func(e backend.Event) error {
			if len(e.Tokens) > 0 && !begun {
				begun = true
				close(r.first)
			}
			return nil
		})
	}()
	return r
}

// start returns when the request has its first token.
func (m *model) start(ctx context.Context, req backend.GenerateRequest) (*running, error) {
	r := m.begin(ctx, req)
	select {
	case <-r.first:
		return r, nil
	case <-r.done:
		r.cancel()
		if r.err == nil {
			return nil, errors.New("the answer was over at once: is Env.Slow needed?")
		}
		return nil, r.err
	}
}

// end cancels the request and waits for it.
func (r *running) end() {
	r.cancel()
	<-r.done
}

// stop ends the request and returns its error.
func (r *running) stop() error {
	r.end()
	return r.err
}

func (r *running) wait() error {
	<-r.done
	return r.err
}

// statsPoll is how often until looks; no event tells of what Stats counts.
const statsPoll = 2 * time.Millisecond

// until waits for the model's counters to say something.
func (m *model) until(ctx context.Context, what string, yes func(backend.Stats) bool) error {
	tick := time.NewTicker(statsPoll)
	defer tick.Stop()
	for {
		s, err := m.env.Backend.Stats(ctx, m.id)
		if err != nil {
			return fmt.Errorf("stats: %w", err)
		}
		if yes(s) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: stats are %+v: %w", what, s, ctx.Err())
		}
	}
}
