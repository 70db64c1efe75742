// Package service is the llamacpp backend: it loads models for serving.
package service

import (
	"log/slog"

	"github.com/kakeyad/kakeyad/core/decode/serving"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
)

// Service is the backend.
type Service = serving.Service

// New starts llama.cpp's backends. The caller closes the service.
func New(version string, log *slog.Logger) *Service {
	binding.Start()
	capabilities := []base.Capability{
		backend.CapEmbed, backend.CapScore, backend.CapDistributions, backend.CapGrammar, backend.CapCodec, backend.CapPages,
		backend.CapRedraft,
	}
	if binding.SupportsGPU() {
		capabilities = append(capabilities, backend.CapGPU)
	}
	return serving.New(base.Info{
		Kind:         base.KindBackend,
		Name:         "llamacpp",
		Version:      version,
		Capabilities: capabilities,
		Description:  "GGUF models through llama.cpp",
	}, loader(log), log)
}
