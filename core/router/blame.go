package router

import (
	"errors"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// faultError is base.ErrPluginGone of a plugin that was stopped for what it did.
func faultError(kind base.Kind, name string, reason error) error {
	return fmt.Errorf("%s %q: %w: it was stopped: %w", kind, name, base.ErrPluginGone, reason)
}

// convict ends the model and has its backend stopped. It returns what callers get.
func (m *model) convict(reason error) error {
	err := faultError(base.KindBackend, m.backend, reason)
	m.end(err)
	if m.instance.Condemn != nil {
		m.instance.Condemn(reason)
	}
	return err
}

// blame looks whether the backend accuses a plugin that the model is bound to, and has that one stopped.
// Without its codec the model ends too. It returns what callers get.
func (m *model) blame(err error) error {
	if !base.FromPlugin(err) || !errors.Is(err, base.ErrHung) && !errors.Is(err, base.ErrLied) {
		return err
	}
	kind := base.KindCodec
	if errors.Is(err, backend.ErrDrafter) {
		kind = base.KindDrafter
	}
	b := m.binding(kind)
	if b == nil {
		return m.convict(err) // it accuses itself
	}
	reason := err
	err = faultError(b.kind, b.name, reason)
	if kind == base.KindCodec {
		m.end(err)
	}
	b.condemn(reason)
	return err
}

// answer has a drafter stopped if a request had to do without it for what it did. It must be the one that was there when the
// request began: another may have taken its place. b may be nil.
func (b *binding) answer(d backend.DraftStats) {
	if d.Fault == "" || b == nil {
		return
	}
	reason := base.ErrLied
	if d.Hung {
		reason = base.ErrHung
	}
	b.condemn(fmt.Errorf("%w: %s", reason, d.Fault))
}

// binding is the model's of a kind, nil if there is none.
func (m *model) binding(kind base.Kind) *binding {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.bindings {
		if b.kind == kind {
			return b
		}
	}
	return nil
}

// rebind notes that one binding has taken the place of another.
func (m *model) rebind(old, fresh *binding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bindings[slices.Index(m.bindings, old)] = fresh
}
