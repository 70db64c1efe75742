package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/kakeyad/kakeyad/core/config"
	"github.com/kakeyad/kakeyad/core/host"
)

// startHost starts the plugins' host of a command that asks no daemon. The caller stops it, whatever
// became of ctx.
func startHost(ctx context.Context, cfg *config.Config, log *slog.Logger) (h *host.Host, stop func() error, err error) {
	h = host.New(hostOptions(cfg, log))
	if err := h.Start(ctx); err != nil {
		return nil, nil, err
	}
	return h, func() error {
		last, done := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(cfg.Plugins.StopTimeout))
		defer done()
		return h.Stop(last)
	}, nil
}
