package channel

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// fallbackQ is the range of a codec when neither the channel nor a profile says one.
const fallbackQ = 38

// ownQ are those of codecs whose q is no range, when the channel says none: e8k's is bits in tenths.
var ownQ = map[string]int{"e8k": 20}

// build fills in a channel from its id and spec. The keys of errors are relative to the channel.
func (c *composer) build(ch *Channel, id ID, spec Spec) []*Error {
	var errs []*Error
	fail := func(err error, key ...string) { errs = append(errs, &Error{Key: key, Err: err}) }

	model, ok := c.in.Models[id.Short]
	if !ok {
		fail(unknown("model", id.Short, slices.Sorted(maps.Keys(c.in.Models))), "model")
		return errs
	}
	model.Short = id.Short
	ch.Model, ch.Profile, ch.Created = model, profileFor(model), model.Created
	ch.Sampling, ch.Limits, ch.Load = spec.Sampling, spec.Limits, spec.Load
	ch.Sampling.LogitBias = maps.Clone(spec.Sampling.LogitBias)
	ch.Load.Extra = maps.Clone(spec.Load.Extra)
	ch.SystemPrompt, ch.ChatTemplate = spec.SystemPrompt, spec.ChatTemplate
	ch.Pin, ch.Preload, ch.TTL = spec.Pin, spec.Preload, spec.TTL
	if model.Missing {
		ch.Warnings = append(ch.Warnings, fmt.Sprintf("there is no model file %s", model.Path))
	}

	ch.Backend = c.backendFor(id.Backend, ch.Profile)
	if len(c.in.Known.Backends) > 0 && !slices.Contains(c.in.Known.Backends, ch.Backend) {
		fail(unknown("backend", ch.Backend, c.in.Known.Backends), "backend")
	} else if p := ch.Profile; p != nil && slices.Contains(OurBackends, ch.Backend) && !slices.Contains(p.Backends, ch.Backend) {
		ch.Warnings = append(ch.Warnings, fmt.Sprintf("%s is not known to run on the backend %s", p.Name, ch.Backend))
	}

	if spec.Codec != nil && spec.Codec.Name != NoCodec {
		codec, warnings, err := c.codec(*spec.Codec, ch.Profile)
		if err != nil {
			fail(err.Err, append([]string{"codec"}, err.Key...)...)
		}
		ch.Warnings = append(ch.Warnings, warnings...)
		ch.Codec = codec
		id.Codec = CodecID{Name: codec.Name, Q: codec.Q, Boundary: codec.Boundary}
		if said := spec.Codec.Boundary; said == Unset && (ch.Profile == nil || codec.Boundary == ch.Profile.Boundary.Default) {
			id.Codec.Boundary = Unset
		}
	}
	if key, err := ch.keep(spec.Cache); err != nil {
		fail(err, "cache", key)
	}
	if d := spec.Drafter; d != nil {
		if !slices.Contains(c.in.Known.Drafters, d.Name) {
			fail(unknown("drafter", d.Name, c.in.Known.Drafters), "drafter", "name")
		}
		ch.Drafter = d
	}
	if l := ch.Load; l.CacheTokens > 0 && l.Context > 0 && l.CacheTokens < l.Context {
		fail(fmt.Errorf("%w: %d is below the context of %d: one request alone would not fit", ErrRefused, l.CacheTokens, l.Context), "load", "cache_tokens")
	}
	ch.ID = id
	ch.loadKey = loadKeyOf(ch)
	return errs
}

// codec checks a codec and fills in what the channel left to the profile. The key of its error is
// relative to the codec.
func (c *composer) codec(spec CodecSpec, p *Profile) (*CodecSpec, []string, *Error) {
	if spec.Name == "" && p != nil {
		spec.Name = p.Default.Name
	}
	if !slices.Contains(c.in.Known.Codecs, spec.Name) {
		return &spec, nil, &Error{Key: []string{"name"}, Err: unknown("codec", spec.Name, append([]string{NoCodec}, c.in.Known.Codecs...))}
	}
	if spec.Q == 0 {
		spec.Q = fallbackQ
		if p != nil {
			spec.Q = p.Default.Q
		}
		if q, there := ownQ[spec.Name]; there {
			spec.Q = q
		}
	}
	if p == nil {
		spec.Boundary = max(spec.Boundary, 0)
		var warnings []string
		if Advanced(spec.Q) {
			warnings = append(warnings, fmt.Sprintf("q%d is for advanced use: %s", spec.Q, warnCoarse))
		}
		return &spec, warnings, nil
	}
	warnings, field, err := p.check(&spec)
	if err != nil {
		return &spec, nil, &Error{Key: []string{field}, Err: err}
	}
	return &spec, warnings, nil
}

// backendFor picks a backend: the channel's, else the defaults', else the profile's first, else
// the first of ours.
func (c *composer) backendFor(said string, p *Profile) string {
	switch {
	case said != "":
		return said
	case c.in.Defaults.Backend != "":
		return c.in.Defaults.Backend
	case p != nil && len(p.Backends) > 0:
		return p.Backends[0]
	}
	return OurBackends[0]
}

func profileFor(m Model) *Profile {
	switch m.Profile {
	case "none":
		return nil
	case "":
		if p := ProfileOf(m.Short); p != nil {
			return p
		}
		return ProfileOfFile(filepath.Base(m.Path))
	}
	return ProfileOf(m.Profile)
}

func unknown(kind, name string, known []string) error {
	all := slices.Sorted(slices.Values(known))
	if len(all) == 0 {
		return fmt.Errorf("no %s %q: none is known", kind, name)
	}
	hint := didYouMean(Nearest(name, all))
	return fmt.Errorf("no %s %q; there are %s%s", kind, name, strings.Join(all, ", "), hint)
}
