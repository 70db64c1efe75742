// Package e8k is the calibrated codec as the contract of core/plugin/codec has it, over package calibrated.
//
// # Parameters
//
//	model        the path of the model's file, absolute; the host says it, since the codec has CapModel
//	calibration  the path of the model's calibration, absolute. Unsaid: the file beside the model that is named for it and
//	             ends in .e8k, else what is shipped for a model of its general.name
//	q            quality: bits an element of a page, in tenths, as it was when calibrating
//	guard        on (the default): a page unlike the texts learned from gets finer steps; off: none does
//	form         page (the default): a layer is predicted from those before it that a call has; random: never
//
// # Frames
//
// They are described in docs/calibrated.md. A frame names its calibration by its hash; one of another calibration is
// ErrUnsupported. The format of a stream is calibration, q and form.
package e8k

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	contract "github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/e8codec/calibrated"
)

// Codec is a codec. It keeps the calibrations that it was asked for.
type Codec struct {
	*base.Self

	mu     sync.Mutex
	models map[calibrated.Hash]*calibrated.Model
}

// New makes a codec.
func New(version string) *Codec {
	return &Codec{
		Self: base.NewSelf(base.Info{
			Kind:         base.KindCodec,
			Name:         "e8k",
			Version:      version,
			Capabilities: []base.Capability{contract.CapModel, contract.CapCalibrate},
			Description:  "packs vectors as points of the lattice E8, in coordinates that were learned of the model",
		}),
		models: map[calibrated.Hash]*calibrated.Model{},
	}
}

// Open implements the contract.
func (c *Codec) Open(ctx context.Context, shape contract.Shape, params contract.Params) (contract.Stream, error) {
	if err := shape.Validate(); err != nil {
		return nil, err
	}
	o, err := parseParams(params)
	if err != nil {
		return nil, err
	}
	m, err := c.model(o)
	if err != nil {
		return nil, err
	}
	coder, err := m.New(shape, o.q, o.form)
	if err != nil {
		return nil, err
	}
	if o.bold {
		coder = coder.WithoutGuard()
	}
	s := &stream{shape: shape, coder: coder}
	s.description, err = describe(ctx, coder, shape, params)
	return s, err
}

// model makes a calibration ready, once as long as its bytes are the same.
func (c *Codec) model(o options) (*calibrated.Model, error) {
	file, err := find(o)
	if err != nil {
		return nil, err
	}
	hash := calibrated.HashOf(file)
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.models[hash]; m != nil {
		return m, nil
	}
	m, err := calibrated.NewModel(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmp.Or(o.calibration, Beside(o.model)), err)
	}
	c.models[hash] = m
	return m, nil
}
