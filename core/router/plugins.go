package router

import (
	"context"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Plugins finds running plugins. Safe for concurrent use.
type Plugins interface {
	// Backend returns the running process of a backend, which it starts if there is none. While
	// a backend that keeps dying is held back the error is base.ErrPluginGone.
	Backend(ctx context.Context, name string) (Instance, error)

	// Linked is Backend for the kinds of plugins that a model is bound to: codecs and drafters.
	Linked(ctx context.Context, kind base.Kind, name string) (Linked, error)
}

// Instance is one process of a backend.
type Instance struct {
	backend.Backend
	Gone <-chan struct{} // closed when this process is dead; nil for one that cannot die

	// Condemn has this process killed, and started again later, for what it did. It returns at once.
	// nil: that cannot be.
	Condemn func(reason error)
}

// Linked is one process of a plugin that backends are introduced to.
type Linked struct {
	Linker
	Info base.Info
	Gone <-chan struct{} // closed when this process is dead; nil for one that cannot die

	// Condemn has this process killed, and started again later, for what it did. It returns at once.
	// nil: that cannot be.
	Condemn func(reason error)
}

// Linker introduces a backend to a plugin.
type Linker interface {
	// OpenLink makes a ticket that lets one backend in, once and soon: see link.TicketLife.
	OpenLink(ctx context.Context) (link.Ticket, error)
}
