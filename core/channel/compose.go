package channel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Input is what Compose works from. The set holds on to it: do not change it afterwards.
type Input struct {
	Models   map[string]Model  // by short name
	Channels map[string]Spec   // by channel name
	Aliases  map[string]string // alias to channel name or id
	Defaults Spec              // what a channel that nobody configured starts from
	Known    Known

	// OnRequest lets Resolve compose ids that nobody configured.
	OnRequest bool
}

// Known names the plugins that a channel may be made of.
type Known struct {
	Backends []string // empty: any
	Codecs   []string
	Drafters []string
}

// Plugins of this repository, there or to come. The backend refuses at load what it cannot use.
var (
	OurBackends = []string{"llamacpp", "gomlx"}
	OurCodecs   = []string{"e8", "d4", "e8k"}
	OurDrafters = []string{"ngram", "draft", "dflash"}
)

// NoCodec is the name of a codec that says: none, whatever the defaults are.
const NoCodec = "none"

// Compose makes the set of channels that the input describes: the configured ones, one under its
// short name for each model that no channel uses, and one for each alias of an id that nobody
// configured. Errors are *Error, all of them, joined, in order of their keys.
func Compose(in Input) (*Set, error) {
	c := &composer{in: in, set: &Set{byName: map[string]*Channel{}}}
	c.set.composer = &composer{in: in}
	c.models()
	for _, name := range c.names(false) {
		c.channel(name, in.Channels[name])
	}
	c.plain()
	c.pairs()
	c.aliases()
	if len(c.errs) > 0 {
		slices.SortStableFunc(c.errs, func(a, b *Error) int { return slices.Compare(a.Key, b.Key) })
		joined := make([]error, len(c.errs))
		for i, e := range c.errs {
			joined[i] = e
		}
		return nil, errors.Join(joined...)
	}
	c.set.finish()
	return c.set, nil
}

// composer gathers the set and all that is wrong with the input.
type composer struct {
	in    Input
	set   *Set
	named []alias // that channels claim for themselves
	errs  []*Error
}

type alias struct {
	name    string
	channel *Channel
	key     []string
}

func (c *composer) fail(err error, key ...string) {
	c.errs = append(c.errs, &Error{Key: key, Err: err})
}

func (c *composer) models() {
	for _, short := range slices.Sorted(maps.Keys(c.in.Models)) {
		if id, err := Parse(short); err != nil {
			c.fail(fmt.Errorf("a model's short name: %w", err), "models", short)
		} else if id.Short != short {
			c.fail(fmt.Errorf("%w: %q is an id; a model's short name has no \":\", \"@\" or \"+\"", ErrRefused, short), "models", short)
		}
		if p := c.in.Models[short].Profile; p != "" && p != "none" && ProfileOf(p) == nil {
			c.fail(fmt.Errorf("no profile %q%s", p, didYouMean(Nearest(p, shorts()))), "models", short, "profile")
		}
	}
}

func (c *composer) channel(name string, spec Spec) {
	at := func(key ...string) []string { return append([]string{"channels", name}, key...) }
	if err := checkName(name); err != nil {
		c.fail(err, at()...)
		return
	}
	spec, id, errs := c.unite(name, spec)
	ch := &Channel{Name: name}
	if len(errs) == 0 {
		errs = c.build(ch, id, spec)
	}
	for _, e := range errs {
		c.fail(e.Err, at(e.Key...)...)
	}
	if len(errs) > 0 {
		return
	}
	c.claim(ch, spec.Aliases)
}

// names are those of the configured channels, sorted: of those that are two, or of the others.
func (c *composer) names(two bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.in.Channels)), func(name string) bool {
		return (c.in.Channels[name].AB != nil) != two
	})
}

// claim adds a channel to the set. Its aliases are looked at when all channels are known.
func (c *composer) claim(ch *Channel, aliases []string) {
	c.set.byName[ch.Name] = ch
	c.set.all = append(c.set.all, ch)
	for i, name := range aliases {
		c.named = append(c.named, alias{name, ch, []string{"channels", ch.Name, "aliases", fmt.Sprint(i)}})
	}
}

// plain adds a channel for each model that has none and whose name is free.
func (c *composer) plain() {
	used := map[string]bool{}
	for name, spec := range c.in.Channels {
		if spec.AB != nil {
			used[name] = true
			continue
		}
		used[spec.Model] = true
		if id, err := Parse(name); err == nil {
			used[id.Short] = true
		}
	}
	for _, short := range slices.Sorted(maps.Keys(c.in.Models)) {
		if id, err := Parse(short); err == nil && id.Short == short && !used[short] {
			c.channel(short, c.in.Defaults)
		}
	}
}

func (c *composer) aliases() {
	for _, a := range c.named {
		c.alias(a.name, a.channel, a.key...)
	}
	for _, alias := range slices.Sorted(maps.Keys(c.in.Aliases)) {
		target := c.in.Aliases[alias]
		if _, configured := c.in.Channels[target]; configured && c.set.byName[target] == nil {
			continue // it has errors of its own
		}
		ch, err := c.configuredOrComposed(target)
		if err != nil {
			c.fail(err, "aliases", alias)
			continue
		}
		c.alias(alias, ch, "aliases", alias)
	}
}

func (c *composer) alias(alias string, ch *Channel, key ...string) {
	if err := checkName(alias); err != nil {
		c.fail(err, key...)
		return
	}
	if _, taken := c.in.Channels[alias]; taken {
		c.fail(fmt.Errorf("%w: %q is the name of a channel", ErrRefused, alias), key...)
		return
	}
	if other := c.set.byName[alias]; other != nil {
		c.fail(fmt.Errorf("%w: %q already stands for the channel %q", ErrRefused, alias, other.Name), key...)
		return
	}
	c.set.byName[alias] = ch
	ch.Aliases = append(ch.Aliases, alias)
}

// checkName says whether a text may name a channel.
func checkName(name string) error {
	if name == "" || len(name) > 2*MaxShort {
		return fmt.Errorf("%w: a name has 1 to %d bytes", ErrRefused, 2*MaxShort)
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '"' || r == '\\' || r == 0xfffd }); i >= 0 {
		return fmt.Errorf("%w: the name %q has a space, a quote, a backslash or a control character in it", ErrRefused, name)
	}
	return nil
}

func shorts() []string {
	names := make([]string, len(registry))
	for i, p := range registry {
		names[i] = p.Short
	}
	return names
}
