// Package serving is what all backends of this repository have around their models: the table of those that are loaded,
// the calls of [backend.Backend] and [backend.Pager] on them, and the progress of loading. How a model is loaded is the
// backend's.
package serving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Vocabulary is what calls need of a tokenizer. It is asked after Free too, and fails then.
type Vocabulary interface {
	Tokenize(text string, addSpecial, parseSpecial bool) ([]backend.Token, error)
	Detokenize(tokens []backend.Token) ([]byte, error)
}

// Model is a loaded one.
type Model struct {
	Info       backend.ModelInfo
	Vocabulary Vocabulary
	Engine     *engine.Engine
	Drafter    *engine.Attached // nil: none. Free closes it
	Ranks      bool             // its one output is a score, not a vector
	Compiled   func() int64     // for Stats; nil: nothing is ever compiled
	Free       func()           // called once, when the engine has ended

	freed sync.Once
}

// close ends all requests and frees the model, unless ctx ends while a step is still running; it may be called again.
// What requests still have to say they take from Go's memory.
func (m *Model) close(ctx context.Context) error {
	if err := m.Engine.Close(ctx); err != nil {
		return err
	}
	m.freed.Do(m.Free)
	return nil
}

// Loader makes a model ready to generate, as LoadModel of [backend.Backend] has it. What it took is given back when it
// fails.
type Loader func(ctx context.Context, req backend.LoadRequest, progress *Progress) (*Model, error)

// Service implements backend.Backend, backend.Pager and backend.Redrafter.
type Service struct {
	*base.Self
	load Loader
	log  *slog.Logger

	mu     sync.Mutex
	models map[backend.ModelID]*Model // nil: being loaded
}

var _ backend.Proxy = (*Service)(nil)

// New makes a backend of a loader. The caller closes it.
func New(info base.Info, load Loader, log *slog.Logger) *Service {
	return &Service{Self: base.NewSelf(info), load: load, log: log, models: map[backend.ModelID]*Model{}}
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
	m, err := s.load(ctx, req, &Progress{report: progress})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		delete(s.models, req.ID)
		return backend.ModelInfo{}, fmt.Errorf("load model %q: %w", req.ID, err)
	}
	s.models[req.ID] = m
	return m.Info, nil
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

func (s *Service) model(id backend.ModelID) (*Model, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.models[id]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("model %q: %w", id, backend.ErrModelNotLoaded)
}
