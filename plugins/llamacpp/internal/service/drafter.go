package service

import (
	"context"
	"fmt"

	"github.com/kakeyad/kakeyad/core/decode/engine"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// attach joins the model and the drafter that the host introduced.
func (m *model) attach(ctx context.Context, req backend.LoadRequest, t traits, options backend.LoadOptions) error {
	name := req.Bindings.Drafter.Plugin
	switch {
	case !t.generative:
		return fmt.Errorf("drafter %q: %w: this model does not generate", name, base.ErrUnsupported)
	case m.weights.Recurrent():
		return fmt.Errorf("drafter %q: %w: this model keeps a running state, which cannot be taken back when a draft is rejected", name, base.ErrUnsupported)
	}
	attached, err := engine.AttachDrafter(ctx, req.Bindings.Drafter, drafter.Target{
		Architecture: t.architecture,
		Name:         m.weights.Meta("general.name"),
		Path:         req.Path,
		Vocabulary:   m.vocab.Size(),
		Layers:       t.Layers,
		Width:        t.Embedding,
		Context:      options.Context,
		Sessions:     options.Parallel,
		EndTokens:    m.vocab.Ends(),
	})
	if err != nil {
		return err
	}
	m.attached = attached
	return nil
}

// drafter is the attached one, if any.
func (m *model) drafter() drafter.Attachment {
	if m.attached == nil {
		return nil
	}
	return m.attached.Drafter()
}
