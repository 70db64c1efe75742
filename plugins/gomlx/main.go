// Command kakeya-backend-gomlx is the backend plugin that runs models as graphs of its own in GoMLX.
package main

import (
	"log/slog"

	"github.com/kakeyad/kakeyad/core/decode/serving"
	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/service"
)

// version is set by the linker.
var version = "dev"

func main() {
	serving.Main(func(log *slog.Logger) *serving.Service { return service.New(version, log) })
}
