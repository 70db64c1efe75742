package channel

import (
	"fmt"
	"maps"
	"slices"
)

// unite puts together what a channel's name says, when it is an id of a known model, and what its
// spec says. A spec may add to its name but not contradict it. The keys of errors are relative to
// the channel.
func (c *composer) unite(name string, spec Spec) (Spec, ID, []*Error) {
	id, err := Parse(name)
	if _, known := c.in.Models[id.Short]; err != nil || !known {
		id = ID{}
	}
	var errs []*Error
	agree := func(key, said, asked string) {
		if said != "" && asked != "" && said != asked {
			errs = append(errs, &Error{Key: []string{key}, Err: fmt.Errorf("%w: %q, but the channel's name says %q", ErrRefused, asked, said)})
		}
	}
	agree("model", id.Short, spec.Model)
	agree("backend", id.Backend, spec.Backend)
	spec.Codec, spec.Drafter = spec.Codec.clone(), spec.Drafter.clone()
	if spec.Drafter != nil {
		agree("drafter", id.Drafter, spec.Drafter.Name)
	}
	if !id.Codec.IsZero() && spec.Codec != nil {
		if id.Codec.Boundary == Unset {
			id.Codec.Boundary = spec.Codec.Boundary
		}
		if said := spec.Codec.text(id.Codec); said != id.Codec.String() {
			errs = append(errs, &Error{Key: []string{"codec"}, Err: fmt.Errorf("%w: %s, but the channel's name says %s", ErrRefused, said, id.Codec)})
		}
	}
	if len(errs) > 0 {
		return spec, id, errs
	}

	if id.Short == "" {
		id = ID{Short: spec.Model}
	}
	if id.Short == "" {
		key, what := []string{"model"}, fmt.Errorf("the channel names no model, and its name is no id of one%s", didYouMean(Nearest(name, slices.Sorted(maps.Keys(c.in.Models)))))
		return spec, id, []*Error{{Key: key, Err: what}}
	}
	if id.Backend == "" {
		id.Backend = spec.Backend
	}
	if !id.Codec.IsZero() {
		params := map[string]string(nil)
		if spec.Codec != nil {
			params = spec.Codec.Params
		}
		spec.Codec = &CodecSpec{Name: id.Codec.Name, Q: id.Codec.Q, Boundary: id.Codec.Boundary, Params: params}
	}
	if id.Drafter != "" && spec.Drafter == nil {
		spec.Drafter = &DrafterSpec{Name: id.Drafter}
	}
	if spec.Drafter != nil {
		spec.Drafter.Name = firstOf(spec.Drafter.Name, id.Drafter)
		id.Drafter = spec.Drafter.Name
	}
	return spec, id, nil
}

// text prints a codec spec as an id would, unsaid parts taken from the id it is compared with.
func (c *CodecSpec) text(id CodecID) string {
	if c.Name == NoCodec {
		return NoCodec
	}
	said := CodecID{Name: firstOf(c.Name, id.Name), Q: c.Q, Boundary: c.Boundary}
	if said.Q == 0 {
		said.Q = id.Q
	}
	if said.Boundary == Unset {
		said.Boundary = id.Boundary
	}
	return said.String()
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
