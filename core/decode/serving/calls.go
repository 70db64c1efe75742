package serving

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Tokenize implements backend.Backend.
func (s *Service) Tokenize(ctx context.Context, req backend.TokenizeRequest) ([]backend.Token, error) {
	m, err := s.model(req.Model)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.Vocabulary.Tokenize(req.Text, req.AddSpecial, req.ParseSpecial)
}

// Detokenize implements backend.Backend.
func (s *Service) Detokenize(ctx context.Context, id backend.ModelID, tokens []backend.Token) ([]byte, error) {
	m, err := s.model(id)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m.Vocabulary.Detokenize(tokens)
}

// Generate implements backend.Backend.
func (s *Service) Generate(ctx context.Context, req backend.GenerateRequest, emit func(backend.Event) error) error {
	m, err := s.generative(req.Model, "generate")
	if err != nil {
		return err
	}
	if err := req.Validate(); err != nil {
		return err
	}
	return m.Engine.Generate(ctx, req, emit)
}

// Embed implements backend.Backend.
func (s *Service) Embed(ctx context.Context, req backend.EmbedRequest) (backend.EmbedResult, error) {
	m, err := s.model(req.Model)
	if err != nil {
		return backend.EmbedResult{}, err
	}
	if m.Ranks {
		return backend.EmbedResult{}, fmt.Errorf("embed: model %q ranks texts: %w", req.Model, base.ErrUnsupported)
	}
	return m.Engine.Embed(ctx, req)
}

// Score implements backend.Backend.
func (s *Service) Score(ctx context.Context, req backend.ScoreRequest) (backend.ScoreResult, error) {
	m, err := s.generative(req.Model, "score")
	if err != nil {
		return backend.ScoreResult{}, err
	}
	return m.Engine.Score(ctx, req)
}

// Stats implements backend.Backend.
func (s *Service) Stats(_ context.Context, id backend.ModelID) (backend.Stats, error) {
	m, err := s.model(id)
	if err != nil {
		return backend.Stats{}, err
	}
	stats := m.Engine.Stats()
	if m.Compiled != nil {
		stats.Compiled = m.Compiled()
	}
	return stats, nil
}

func (s *Service) generative(id backend.ModelID, what string) (*Model, error) {
	m, err := s.model(id)
	if err != nil {
		return nil, err
	}
	if !m.Info.Generative {
		return nil, fmt.Errorf("%s: model %q only embeds: %w", what, id, base.ErrUnsupported)
	}
	return m, nil
}
