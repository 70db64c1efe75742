package fake

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// misfortune does to an answer, before its n-th token, what the configuration tells.
func (m *model) misfortune(ctx context.Context, n int, emit func(backend.Event) error) error {
	c := m.config
	hangs := c.Hang == "generate" || c.Hang == "stats"
	if n != c.AfterTokens || !hangs && c.Die == "" && c.Fail == "" && !answers[c.Lie] || !first(c.Once) {
		return nil
	}
	switch {
	case answers[c.Lie]:
		return m.lie(ctx, emit)
	case c.Die != "":
		m.die()
	case c.Fail == "panic":
		panic("told to panic")
	case c.Fail != "":
		return errors.New(c.Fail)
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// answers are the lies of Generate.
var answers = map[Lie]bool{LieToken: true, LieLong: true, LieText: true, LieMessage: true}

// lie sends what no event can be.
func (m *model) lie(ctx context.Context, emit func(backend.Event) error) error {
	var e backend.Event
	switch m.config.Lie {
	case LieToken:
		e.Tokens = []backend.Token{backend.Token(m.info.Vocabulary)}
	case LieLong:
		e.Tokens = make([]backend.Token, m.info.Options.Context+1)
	case LieText:
		e.Text = strings.Repeat("x", 1<<20)
	case LieMessage:
		e.Text = strings.Repeat("x", base.MaxMessage+1)
	}
	if err := emit(e); err != nil {
		return err
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// lies says whether a call that is no answer is to lie so.
func (m *model) lies(how Lie) bool { return m.config.Lie == how && first(m.config.Once) }

// hang waits for the end of the context if a call is to hang so.
func (m *model) hang(ctx context.Context, how string) error {
	if m.config.Hang != how || !first(m.config.Once) {
		return nil
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// die ends the process. With an exit of the test's own it returns, and the answer hangs.
func (m *model) die() {
	switch {
	case m.exit != nil:
		m.exit()
	case m.config.Die == "kill":
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
	default:
		os.Exit(1)
	}
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

// StartsBadly says whether this process is to do what Start tells.
func (c Config) StartsBadly() bool { return c.Start != "" && first(c.Once) }
