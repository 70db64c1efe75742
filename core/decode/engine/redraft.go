package engine

import (
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// Redraft has another drafter draft for requests that begin from now on, in place of the one that New was given or the
// last call of this. What the old one drafted for goes on without; the caller may close it at once.
//
// Errors: ErrInvalid when the engine was made without a drafter, backend.ErrDrafter when this one taps other layers.
func (e *Engine) Redraft(a drafter.Attachment) error {
	if e.drafts == nil {
		return fmt.Errorf("%w: this model was loaded without a drafter", base.ErrInvalid)
	}
	s, old := newSource(a), e.drafts.source.Load()
	if was, is := old.description.Taps, s.description.Taps; !slices.Equal(was, is) {
		return fmt.Errorf("%w: it taps layers %v, and the one before %v", backend.ErrDrafter, is, was)
	}
	e.drafts.source.Store(s)
	return nil
}
