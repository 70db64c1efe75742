package router

import (
	"context"

	"github.com/kakeyad/kakeyad/core/host"
)

// FromHost makes a plugin host's backends those of a router.
func FromHost(h *host.Host) Backends {
	return BackendsFunc(func(ctx context.Context, name string) (Instance, error) {
		i, err := h.Backend(ctx, name)
		if err != nil {
			return Instance{}, err
		}
		return Instance{Backend: i.Backend, Gone: i.Gone()}, nil
	})
}
