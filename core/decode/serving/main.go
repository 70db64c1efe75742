package serving

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// closing is how long the models may take to stop at the end; the host does not wait for longer.
const closing = 1500 * time.Millisecond

// Main is the main function of a backend plugin: it serves what open makes until the host ends the process.
func Main(open func(log *slog.Logger) *Service) {
	log := base.NewLogger(os.Stderr)
	slog.SetDefault(log)
	s := open(log)
	backend.Serve(s, backend.ServeOptions{Log: log})

	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		log.Warn("close", "error", err)
	}
}

// EngineOptions are those of a model's engine. The drafter is the caller's to add.
func EngineOptions(o backend.LoadOptions, log *slog.Logger) engine.Options {
	return engine.Options{
		Context:      o.Context,
		Parallel:     o.Parallel,
		Batch:        o.Batch,
		PrefillChunk: o.PrefillChunk,
		Queue:        o.Queue,
		Log:          log,
		ParkAfter:    o.Cache.ParkAfter,
		DeliverEvery: engine.DeliverEvery,
	}
}
