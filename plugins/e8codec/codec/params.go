package codec

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/frame"
	"github.com/kakeyad/kakeyad/plugins/e8codec/lattice"
)

// The keys of the parameters.
const (
	keyVariant = "variant"
	keyQ       = "q"
	keyCoding  = "coding"
	keyScaling = "scaling"
	keyCompat  = "compat"
)

const (
	defaultQ        = 38
	compatReference = "reference"
)

// setters read a parameter's value.
var setters = map[string]func(o *frame.Options, value string) error{
	keyVariant: func(o *frame.Options, value string) (err error) {
		o.Params.Variant, err = lattice.ParseVariant(value)
		return err
	},
	keyQ: func(o *frame.Options, value string) error {
		q, err := strconv.Atoi(value)
		if err != nil || q < lattice.MinQ || q > lattice.MaxQ {
			return fmt.Errorf("%w: %q is not a number from %d to %d", base.ErrInvalid, value, lattice.MinQ, lattice.MaxQ)
		}
		o.Params.Q = q
		return nil
	},
	keyCoding: func(o *frame.Options, value string) (err error) {
		o.Coding, err = frame.ParseCoding(value)
		return err
	},
	keyScaling: func(o *frame.Options, value string) (err error) {
		o.Scaling, err = frame.ParseScaling(value)
		return err
	},
	keyCompat: func(o *frame.Options, value string) error {
		if value != "" && value != compatReference {
			return fmt.Errorf("%w: %q is not %s", base.ErrInvalid, value, compatReference)
		}
		o.Params.Compat = value != ""
		return nil
	},
}

// parseParams reads parameters. An error is an ErrInvalid that names the key.
func parseParams(params contract.Params, variant lattice.Variant) (frame.Options, error) {
	o := frame.Options{Params: lattice.Params{Variant: variant, Q: defaultQ}, Coding: frame.Pages}
	for _, key := range slices.Sorted(maps.Keys(params)) {
		set, known := setters[key]
		if !known {
			return o, fmt.Errorf("%s: %w: unknown parameter", key, base.ErrInvalid)
		}
		if err := set(&o, params[key]); err != nil {
			return o, fmt.Errorf("%s: %w", key, err)
		}
	}
	if o.Scaling != frame.ScaleBox {
		if o.Coding == frame.Fixed {
			return o, fmt.Errorf("%s: %w: %v needs coding pages", keyScaling, base.ErrInvalid, o.Scaling)
		}
		if o.Params.Compat {
			return o, fmt.Errorf("%s: %w: %v is not of the reference", keyScaling, base.ErrInvalid, o.Scaling)
		}
	}
	return o, nil
}

// paramsOf is what parseParams reads as o, whatever the default.
func paramsOf(o frame.Options) contract.Params {
	p := contract.Params{
		keyVariant: o.Params.Variant.String(),
		keyQ:       strconv.Itoa(o.Params.Q),
		keyCoding:  o.Coding.String(),
		keyScaling: o.Scaling.String(),
	}
	if o.Params.Compat {
		p[keyCompat] = compatReference
	}
	return p
}

// formatOf names the frames of a stream: all that decoding depends on, and so not the coding.
func formatOf(o frame.Options) string {
	s := fmt.Sprintf("e8codec/%d %v q%d %v", version, o.Params.Variant, o.Params.Q, o.Scaling)
	if o.Params.Compat {
		s += " " + compatReference
	}
	return s
}
