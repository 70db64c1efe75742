package serving

import (
	"context"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// ExportPages implements backend.Pager.
func (s *Service) ExportPages(ctx context.Context, id backend.ModelID, opened func(), emit func(backend.Page) error) error {
	m, err := s.model(id)
	if err != nil {
		return err
	}
	return m.Engine.ExportPages(ctx, opened, emit)
}

// ParkModel implements backend.Pager.
func (s *Service) ParkModel(ctx context.Context, id backend.ModelID) error {
	m, err := s.model(id)
	if err != nil {
		return err
	}
	return m.Engine.ParkModel(ctx)
}

// ImportPages implements backend.Pager.
func (s *Service) ImportPages(ctx context.Context, req backend.ImportRequest, page func(i int) ([]byte, error)) (backend.ImportResult, error) {
	m, err := s.model(req.Model)
	if err != nil {
		return backend.ImportResult{}, err
	}
	return m.Engine.ImportPages(ctx, req, page)
}
