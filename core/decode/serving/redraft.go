package serving

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Redraft implements backend.Redrafter.
func (s *Service) Redraft(ctx context.Context, id backend.ModelID, drafter backend.Link) error {
	m, err := s.model(id)
	if err != nil {
		return err
	}
	if m.Drafter == nil {
		return fmt.Errorf("model %q: %w: it was loaded without a drafter", id, base.ErrInvalid)
	}
	return m.Drafter.Redraft(ctx, m.Engine, &drafter)
}
