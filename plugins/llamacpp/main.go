// Command kakeya-backend-llamacpp is the backend plugin that runs GGUF models through llama.cpp.
package main

import (
	"log/slog"

	"github.com/kakeyad/kakeyad/core/decode/serving"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/service"
)

// version is set by the linker.
var version = "dev"

func main() {
	serving.Main(func(log *slog.Logger) *serving.Service { return service.New(version, log) })
}
