// Command kakeya-drafter-draft is the drafter plugin draft: a smaller model of the same vocabulary,
// run by llama.cpp, writes ahead.
package main

import (
	"log/slog"
	"os"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/draftmodel"
)

// version is set by the linker.
var version = "dev"

func main() {
	log := base.NewLogger(os.Stderr)
	slog.SetDefault(log)
	drafter.Serve(draftmodel.New(version), drafter.ServeOptions{Log: log})
}
