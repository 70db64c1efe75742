package fake

import (
	"context"
	"errors"
	"os"
)

// misfortune does to an answer, before its n-th token, what the configuration tells.
func (m *model) misfortune(ctx context.Context, n int) error {
	c := m.config
	if n != c.AfterTokens || c.Hang != "generate" && c.Die == "" && c.Fail == "" || !first(c.Once) {
		return nil
	}
	switch {
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
