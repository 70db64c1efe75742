package api

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Limits bound how many requests generate at the same time. Those over it wait their turn, for so
// long and so many; the others are told to come back.
type Limits struct {
	Requests       int           // of all clients; 0: no limit
	RequestsPerKey int           // of one API key; 0: no limit
	Queue          int           // that may wait; 0: none
	QueueWait      time.Duration // longest wait; 0: 30 seconds
}

// admission lets requests in.
type admission struct {
	limits Limits
	all    *door
	mu     sync.Mutex
	keys   map[string]*door
}

func newAdmission(l Limits) *admission {
	l.QueueWait = orDefault(l.QueueWait, 30*time.Second)
	return &admission{limits: l, all: newDoor(l.Requests, l), keys: map[string]*door{}}
}

// enter waits for a place. The error is base.ErrBusy or the context's cause.
func (a *admission) enter(ctx context.Context, key string) (leave func(), err error) {
	own := a.doorOf(key)
	if err := own.enter(ctx); err != nil {
		return nil, err
	}
	if err := a.all.enter(ctx); err != nil {
		own.leave()
		return nil, err
	}
	return func() {
		a.all.leave()
		own.leave()
	}, nil
}

func (a *admission) doorOf(key string) *door {
	if a.limits.RequestsPerKey <= 0 || key == "" {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keys[key] == nil {
		a.keys[key] = newDoor(a.limits.RequestsPerKey, a.limits)
	}
	return a.keys[key]
}

// waiting is how many wait before a door.
func (a *admission) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.all.queue()
	for _, d := range a.keys {
		n += d.queue()
	}
	return n
}

// door lets so many in at a time, and so many wait before it. A nil door is open.
type door struct {
	places  chan struct{}
	waiting chan struct{}
	wait    time.Duration
}

func newDoor(limit int, l Limits) *door {
	if limit <= 0 {
		return nil
	}
	return &door{places: make(chan struct{}, limit), waiting: make(chan struct{}, max(l.Queue, 0)), wait: l.QueueWait}
}

func (d *door) enter(ctx context.Context) error {
	if d == nil {
		return nil
	}
	select {
	case d.places <- struct{}{}:
		return nil
	default:
	}
	select {
	case d.waiting <- struct{}{}:
		defer func() { <-d.waiting }()
	default:
		return fmt.Errorf("%w: %d requests run and %d wait", base.ErrBusy, cap(d.places), cap(d.waiting))
	}
	timer := time.NewTimer(d.wait)
	defer timer.Stop()
	select {
	case d.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return fmt.Errorf("%w: no place was free within %v", base.ErrBusy, d.wait)
	}
}

// queue is how many wait.
func (d *door) queue() int {
	if d == nil {
		return 0
	}
	return len(d.waiting)
}

func (d *door) leave() {
	if d != nil {
		<-d.places
	}
}
