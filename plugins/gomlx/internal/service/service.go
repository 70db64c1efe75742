// Package service is the gomlx backend: it loads models for serving.
package service

import (
	"log/slog"

	"github.com/kakeyad/kakeyad/core/decode/serving"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// New makes the backend. The caller closes it.
func New(version string, log *slog.Logger) *serving.Service {
	return serving.New(base.Info{
		Kind:    base.KindBackend,
		Name:    "gomlx",
		Version: version,
		Capabilities: []base.Capability{
			backend.CapEmbed, backend.CapScore, backend.CapDistributions, backend.CapGrammar, backend.CapCodec, backend.CapPages,
			backend.CapRedraft,
		},
		Description: "GGUF models as graphs in GoMLX, through XLA",
	}, loader(log), log)
}
