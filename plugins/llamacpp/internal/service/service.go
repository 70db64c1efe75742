// Package service is the llamacpp backend: it loads models, gives each a token loop, and answers
// the calls of backend.Backend.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
)

// Service implements backend.Backend.
type Service struct {
	*base.Self
	log *slog.Logger

	mu     sync.Mutex
	models map[backend.ModelID]*model // nil: being loaded
}

var _ backend.Backend = (*Service)(nil)

// New starts llama.cpp's backends. The caller closes the service.
func New(version string, log *slog.Logger) *Service {
	binding.Start()
	capabilities := []base.Capability{
		backend.CapEmbed, backend.CapScore, backend.CapDistributions, backend.CapGrammar, backend.CapCodec, backend.CapPages,
	}
	if binding.SupportsGPU() {
		capabilities = append(capabilities, backend.CapGPU)
	}
	return &Service{
		Self: base.NewSelf(base.Info{
			Kind:         base.KindBackend,
			Name:         "llamacpp",
			Version:      version,
			Capabilities: capabilities,
			Description:  "GGUF models through llama.cpp",
		}),
		log:    log,
		models: map[backend.ModelID]*model{},
	}
}

// Close unloads all models. Loads that are under way go on until their context ends.
func (s *Service) Close(ctx context.Context) error {
	s.mu.Lock()
	var ids []backend.ModelID
	for id, m := range s.models {
		if m != nil {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	var all []error
	for _, id := range ids {
		all = append(all, s.UnloadModel(ctx, id))
	}
	return errors.Join(all...)
}

// LoadModel implements backend.Backend.
func (s *Service) LoadModel(ctx context.Context, req backend.LoadRequest, progress func(backend.LoadProgress)) (backend.ModelInfo, error) {
	if err := s.reserve(req.ID); err != nil {
		return backend.ModelInfo{}, err
	}
	m, err := load(ctx, req, progress, s.log)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		delete(s.models, req.ID)
		return backend.ModelInfo{}, fmt.Errorf("load model %q: %w", req.ID, err)
	}
	s.models[req.ID] = m
	return m.info, nil
}

func (s *Service) reserve(id backend.ModelID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		return fmt.Errorf("id: %w: it is empty", base.ErrInvalid)
	}
	if _, taken := s.models[id]; taken {
		return fmt.Errorf("load model %q: %w", id, base.ErrExists)
	}
	s.models[id] = nil
	return nil
}

// UnloadModel implements backend.Backend. When ctx ends first, the model serves no more but is not
// free yet: call again.
func (s *Service) UnloadModel(ctx context.Context, id backend.ModelID) error {
	m, err := s.model(id)
	if err != nil {
		return err
	}
	if err := m.close(ctx); err != nil {
		return fmt.Errorf("unload model %q: %w", id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.models[id] == m {
		delete(s.models, id)
	}
	return nil
}

func (s *Service) model(id backend.ModelID) (*model, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.models[id]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("model %q: %w", id, backend.ErrModelNotLoaded)
}
