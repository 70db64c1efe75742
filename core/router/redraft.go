package router

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

const (
	// redraftTime is how long giving a model another drafter may take: it may load a model of its own.
	redraftTime = 6 * time.Minute

	// Pauses between tries. A plugin that keeps dying is held back by the host too.
	redraftPause     = time.Second
	mostRedraftPause = time.Minute
)

// redraft keeps a drafter at the model's side: when its process has ended the next one is introduced to the backend. It
// returns when the model has ended, or when there can be no other.
func (r *Router) redraft(m *model, b *binding) {
	log := r.log.With("drafter", b.name, "model", m.id)
	for pause := redraftPause; ; {
		select {
		case <-b.gone:
		case <-m.life.Done():
			return
		}
		log.Warn("drafter has ended; the model goes on without until another is at work")
		for fresh := (*binding)(nil); fresh == nil; {
			var err error
			fresh, err = r.replace(m, b)
			switch {
			case m.life.Err() != nil:
				return
			case err == nil:
				pause, b = redraftPause, fresh
				log.Info("drafter is at work again")
				continue
			case errors.Is(err, base.ErrUnsupported), errors.Is(err, base.ErrInvalid):
				log.Error("drafter cannot be replaced; the model goes on without until it is loaded again", "error", err)
				return
			}
			log.Warn("drafter is not back yet", "error", err, "again_in", pause)
			select {
			case <-time.After(pause):
			case <-m.life.Done():
				return
			}
			pause = min(2*pause, mostRedraftPause)
		}
	}
}

// replace introduces the next process of a drafter that has ended. One that hangs or lies meanwhile is stopped.
func (r *Router) replace(m *model, b *binding) (*binding, error) {
	redrafter, ok := m.instance.Backend.(backend.Redrafter)
	if !ok {
		return nil, fmt.Errorf("backend %q: %w: it takes a drafter when a model is loaded only", m.backend, base.ErrUnsupported)
	}
	ctx, cancel := context.WithTimeout(m.life, redraftTime)
	defer cancel()
	fresh, err := b.again(ctx)
	if err != nil {
		return nil, err
	}
	if err := redrafter.Redraft(ctx, m.id, *fresh.link); err != nil {
		if base.FromPlugin(err) && (errors.Is(err, base.ErrHung) || errors.Is(err, base.ErrLied)) {
			fresh.condemn(err)
		}
		return nil, err
	}
	m.rebind(b, fresh)
	return fresh, nil
}
