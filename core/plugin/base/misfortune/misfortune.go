// Package misfortune makes fakes of plugins fail as they are told: they answer late, hang, die, fail
// or panic.
package misfortune

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Plan says what happens. The zero value is good luck.
type Plan struct {
	Start  string `json:"start,omitempty"`  // "exit", "hang": how the process fails before it serves, see StartsBadly
	Health string `json:"health,omitempty"` // "bad": not OK; "hang": no answer

	Delay Duration `json:"delay,omitempty"` // before each call
	After int      `json:"after,omitempty"` // calls before Hang, Die and Fail act
	Hang  string   `json:"hang,omitempty"`  // "call": until cancelled; "deaf": whatever happens, see Luck.Wake
	Die   string   `json:"die,omitempty"`   // "exit", "kill": the process ends, by os.Exit(1) or SIGKILL
	Fail  string   `json:"fail,omitempty"`  // calls end in an error of this text; "panic": they panic
	Once  string   `json:"once,omitempty"`  // Start, Hang, Die and Fail act only if this file does not exist, and make it
}

// Duration is a time.Duration that reads as "150ms" in JSON.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// StartBadly does what Start tells, and returns when it tells nothing.
func (p Plan) StartBadly() {
	if p.Start == "" || !first(p.Once) {
		return
	}
	if p.Start == "hang" {
		base.EndWithParent(base.NewLogger(os.Stderr))
		select {}
	}
	fmt.Fprintln(os.Stderr, "told to exit")
	os.Exit(1)
}

// Luck is a plan at work. It is safe for concurrent use.
type Luck struct {
	plan  Plan
	calls atomic.Int64
	wake  chan struct{}
	once  sync.Once
}

// New begins a plan.
func New(p Plan) *Luck { return &Luck{plan: p, wake: make(chan struct{})} }

// Calls is how many calls have begun.
func (l *Luck) Calls() int { return int(l.calls.Load()) }

// Wake ends what hangs deaf, now and later.
func (l *Luck) Wake() { l.once.Do(func() { close(l.wake) }) }

// Health is what the plan makes of a plugin's health.
func (l *Luck) Health(ctx context.Context, self *base.Self) (base.Health, error) {
	switch l.plan.Health {
	case "bad":
		return base.Health{Message: "told to feel bad"}, nil
	case "hang":
		<-ctx.Done()
		return base.Health{}, context.Cause(ctx)
	}
	return self.Health(ctx)
}

// Strike does to a call what the plan tells. Without a misfortune it is the context's error.
func (l *Luck) Strike(ctx context.Context) error {
	n := l.calls.Add(1) - 1
	p := &l.plan
	if d := time.Duration(p.Delay); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if n < int64(p.After) || p.Hang == "" && p.Die == "" && p.Fail == "" || !first(p.Once) {
		return nil
	}
	switch {
	case p.Die == "kill":
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
	case p.Die != "":
		os.Exit(1)
	case p.Fail == "panic":
		panic("told to panic")
	case p.Fail != "":
		return errors.New(p.Fail)
	case p.Hang == "deaf":
		<-l.wake
		return nil
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// first says whether a file was missing, and makes it. No name is always first.
func first(path string) bool {
	if path == "" {
		return true
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
