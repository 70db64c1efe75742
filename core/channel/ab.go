package channel

import (
	"fmt"
	"slices"
)

// Sticky says for what one of two channels is drawn: what keeps it.
type Sticky string

// What may keep the channel that it was drawn.
const (
	StickySession Sticky = "session" // a conversation
	StickyUser    Sticky = "user"    // whom the request, or its API key, names
	StickyRequest Sticky = "request" // nothing: each request is drawn for
)

// ABSpec is what a configuration says of two channels under one name. Zero values are unsaid.
type ABSpec struct {
	A, B   string // names of channels, or ids
	Split  float64
	Sticky Sticky
	Shadow bool
}

// AB is two channels under one name. It is immutable.
type AB struct {
	A, B   *Channel
	Split  float64 // share that B answers, above 0 and below 1; 0 with Shadow
	Sticky Sticky
	Shadow bool // A answers; B answers the same when nothing else is to be done, and nobody sees it
}

// First is the channel itself, or A of two: what answers when it is no matter of drawing.
func (c *Channel) First() *Channel {
	if c.AB != nil {
		return c.AB.A
	}
	return c
}

// pairs adds the channels that are two, after those that they may be made of.
func (c *composer) pairs() {
	var found []*Channel
	for _, name := range c.names(true) {
		spec := c.in.Channels[name]
		if err := checkName(name); err != nil {
			c.fail(err, "channels", name)
			continue
		}
		if ch := c.pair(name, *spec.AB); ch != nil {
			found = append(found, ch)
		}
	}
	for _, ch := range found { // now: none is made of another
		c.claim(ch, c.in.Channels[ch.Name].Aliases)
	}
}

// pair is nil when something is wrong.
func (c *composer) pair(name string, spec ABSpec) *Channel {
	errs := len(c.errs)
	key := func(last string) []string { return []string{"channels", name, "ab", last} }
	ab := &AB{Split: spec.Split, Sticky: spec.Sticky, Shadow: spec.Shadow}
	ab.A, ab.B = c.arm(spec.A, key("a")), c.arm(spec.B, key("b"))
	switch {
	case spec.Shadow && spec.Split != 0:
		c.fail(fmt.Errorf("%w: with shadow nothing is split: a answers all", ErrRefused), key("split")...)
	case spec.Shadow && spec.Sticky != "":
		c.fail(fmt.Errorf("%w: with shadow nothing is drawn: a answers all", ErrRefused), key("sticky")...)
	case spec.Split < 0 || spec.Split >= 1:
		c.fail(fmt.Errorf("%w: the share of b is above 0%% and below 100%%", ErrRefused), key("split")...)
	}
	if len(c.errs) > errs || ab.A == nil || ab.B == nil {
		return nil
	}
	if !ab.Shadow && ab.Split == 0 {
		ab.Split = 0.5
	}
	if !ab.Shadow && ab.Sticky == "" {
		ab.Sticky = StickySession
	}
	ch := *ab.A
	ch.Name, ch.AB = name, ab
	ch.Aliases, ch.Warnings, ch.Pin, ch.Preload = nil, nil, false, false
	return &ch
}

// arm finds or composes one of two channels. It is nil when that failed, which was told, here or where
// the channel itself is at fault.
func (c *composer) arm(name string, key []string) *Channel {
	if target, ok := c.in.Aliases[name]; ok {
		name = target
	}
	if i := slices.IndexFunc(c.named, func(a alias) bool { return a.name == name }); i >= 0 {
		return c.named[i].channel
	}
	if spec, ok := c.in.Channels[name]; ok && spec.AB != nil {
		c.fail(fmt.Errorf("%w: %q is two channels itself", ErrRefused, name), key...)
		return nil
	} else if ok {
		return c.set.byName[name] // nil: it has errors of its own
	}
	ch, err := c.configuredOrComposed(name)
	if err != nil {
		c.fail(err, key...)
	}
	return ch
}

// configuredOrComposed finds a channel, or makes one of an id that nobody configured and adds it.
func (c *composer) configuredOrComposed(name string) (*Channel, error) {
	if ch := c.set.byName[name]; ch != nil {
		return ch, nil
	}
	ch, err := c.onRequest(name)
	if err != nil {
		return nil, fmt.Errorf("no channel %q%w", name, reasonOr(err, Nearest(name, c.set.names())))
	}
	c.claim(ch, nil)
	return ch, nil
}
