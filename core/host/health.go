package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// patience is how many times in a row a plugin may say that it is not well before it is restarted.
const patience = 3

var errUnwell = errors.New("it is not well")

// checkHealth asks a plugin how it feels until the context ends, and then returns nil. It returns
// an error as soon as the plugin hangs, or is unwell for too long.
func (s *supervisor) checkHealth(ctx context.Context, instance *Instance) error {
	tick := time.NewTicker(s.host.options.HealthInterval)
	defer tick.Stop()
	for unwell := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		health, err := s.ask(ctx, instance)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("plugin %q: %w: %w: no answer to a health check in %v", s.spec.Name, base.ErrPluginGone, base.ErrHung, s.host.options.HealthTimeout)
		case err != nil:
			health.Message = err.Error() // if it has died, its exit tells
		}
		if health.OK && err == nil {
			unwell = 0
			continue
		}
		unwell++
		s.log.Warn("plugin is not well", "message", health.Message, "in_a_row", unwell)
		if unwell == patience {
			return fmt.Errorf("plugin %q: %w: %w: %s", s.spec.Name, base.ErrPluginGone, errUnwell, health.Message)
		}
	}
}

func (s *supervisor) ask(ctx context.Context, instance *Instance) (base.Health, error) {
	ctx, cancel := context.WithTimeout(ctx, s.host.options.HealthTimeout)
	defer cancel()
	return instance.plugin.Health(ctx)
}
