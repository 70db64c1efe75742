// Command kakeya-backend-gomlx is the backend plugin that runs models as graphs of its own in GoMLX.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/service"
)

// version is set by the linker.
var version = "dev"

// closing is how long the models may take to stop at the end; the host does not wait for longer.
const closing = 1500 * time.Millisecond

func main() {
	log := base.NewLogger(os.Stderr)
	slog.SetDefault(log)
	s := service.New(version, log)
	backend.Serve(s, backend.ServeOptions{Log: log})

	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		log.Warn("close", "error", err)
	}
}
