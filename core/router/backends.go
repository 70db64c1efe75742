package router

import (
	"context"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Backends finds running backends. Safe for concurrent use.
type Backends interface {
	// Backend returns the running process of a backend, which it starts if there is none. While
	// a backend that keeps dying is held back the error is base.ErrPluginGone.
	Backend(ctx context.Context, name string) (Instance, error)
}

// Instance is one process of a backend.
type Instance struct {
	backend.Backend
	Gone <-chan struct{} // closed when this process is dead; nil for one that cannot die
}

// BackendsFunc is a function as Backends.
type BackendsFunc func(ctx context.Context, name string) (Instance, error)

// Backend calls the function.
func (f BackendsFunc) Backend(ctx context.Context, name string) (Instance, error) {
	return f(ctx, name)
}
