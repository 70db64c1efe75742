package channel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Set is a configuration's channels. It is immutable and safe for concurrent use.
type Set struct {
	all      []*Channel // by name
	byName   map[string]*Channel
	composer *composer // for ids that nobody configured; its input is the set's own copy
}

// All returns the channels that were configured, by name. Those composed on request are not
// among them.
func (s *Set) All() []*Channel { return slices.Clone(s.all) }

// Models returns the models, by short name.
func (s *Set) Models() []Model {
	models := make([]Model, 0, len(s.composer.in.Models))
	for _, short := range slices.Sorted(maps.Keys(s.composer.in.Models)) {
		m := s.composer.in.Models[short]
		m.Short = short
		models = append(models, m)
	}
	return models
}

// Resolve returns the channel of a name: a channel's own, an alias, or, where the set allows it,
// an id of a known model that nobody configured. Such an id takes sampling, limits, load and cache
// options, system prompt and, when it names none, the backend from the channel that is called by its short
// name alone, if there is one, and from the defaults otherwise. Errors are *UnknownError.
func (s *Set) Resolve(name string) (*Channel, error) {
	if c := s.byName[name]; c != nil {
		return c, nil
	}
	if s.composer.in.OnRequest {
		c, err := s.composer.onRequest(name)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, ErrUnknown) {
			return nil, &UnknownError{Name: name, Reason: err}
		}
	}
	return nil, &UnknownError{Name: name, Nearest: Nearest(name, s.names())}
}

func (s *Set) names() []string { return slices.Sorted(maps.Keys(s.byName)) }

// finish puts a set that is complete in order.
func (s *Set) finish() {
	slices.SortFunc(s.all, func(a, b *Channel) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range s.all {
		slices.Sort(c.Aliases)
	}
}

// onRequest composes an id that nobody configured. The error is ErrUnknown when the text is no id
// of a known model, else it is why the id is refused.
func (c *composer) onRequest(text string) (*Channel, error) {
	id, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	if _, ok := c.in.Models[id.Short]; !ok {
		return nil, fmt.Errorf("%w: no model %q", ErrUnknown, id.Short)
	}
	spec := c.in.Defaults
	if base, ok := c.in.Channels[id.Short]; ok && base.AB == nil {
		spec = base
	}
	spec.Codec, spec.Drafter, spec.Aliases = nil, nil, nil
	if id.Codec.IsZero() {
		spec.Cache.Mode, spec.Cache.Recent = "", 0 // they were the codec's
	} else {
		spec.Cache.ParkAfter = max(spec.Cache.ParkAfter, 0) // never was said of a cache that is not packed
	}
	spec.Pin, spec.Preload = false, false
	if id.Backend != "" {
		spec.Backend = ""
	}
	spec, full, errs := c.unite(text, spec)
	ch := &Channel{Name: text}
	if len(errs) == 0 {
		errs = c.build(ch, full, spec)
	}
	if len(errs) > 0 {
		return nil, errs[0].Err
	}
	return ch, nil
}

// reasonOr renders why an alias cannot stand for an id.
func reasonOr(err error, nearest []string) error {
	if errors.Is(err, ErrUnknown) {
		return errors.New(didYouMean(nearest))
	}
	return fmt.Errorf(": %w", err)
}
