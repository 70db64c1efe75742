package dflash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/plugins/speculative/dflash/net"
	"github.com/kakeyad/kakeyad/plugins/speculative/dflash/weights"
)

// Drafter implements drafter.Drafter.
type Drafter struct{ *base.Self }

// New makes a drafter. version is the plugin's.
func New(version string) *Drafter {
	return &Drafter{base.NewSelf(base.Info{
		Kind: base.KindDrafter, Name: "dflash", Version: version,
		Capabilities: []base.Capability{drafter.CapFeatures},
	})}
}

// Attach reads the drafter's weights and what it uses of the target's file, which it keeps open.
func (d *Drafter) Attach(_ context.Context, target drafter.Target, p drafter.Params) (drafter.Attachment, error) {
	if err := target.Validate(); err != nil {
		return nil, err
	}
	settings, err := parse(p)
	if err != nil {
		return nil, err
	}
	a, err := attach(target, settings)
	if err != nil {
		return nil, fmt.Errorf("dflash for %s: %w", target.Path, err)
	}
	return a, nil
}

// source is an open file, or bytes of the binary.
type source interface {
	io.ReaderAt
	io.ReadSeeker
}

func attach(target drafter.Target, p params) (*attachment, error) {
	if target.Path == "" {
		return nil, fmt.Errorf("%w: the target has no file, from which its embedding is read", base.ErrUnsupported)
	}
	model, err := os.Open(target.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: target: %w", base.ErrUnsupported, err)
	}
	var a *attachment
	if p.model == "" {
		a, err = builtIn(model, target, p)
	} else {
		a, err = fromFile(model, target, p)
	}
	if err != nil {
		return nil, errors.Join(err, model.Close())
	}
	a.file = model
	return a, nil
}

// fromFile takes the drafter that the parameters name.
func fromFile(model source, target drafter.Target, p params) (*attachment, error) {
	f, err := os.Open(p.model)
	if err != nil {
		return nil, fmt.Errorf("params.model: %w: %w", base.ErrInvalid, err)
	}
	a, err := build(f, model, target, p)
	if err != nil {
		err = fmt.Errorf("params.model: %w", err)
	}
	return a, errors.Join(err, f.Close())
}

// builtIn takes the first built-in drafter that fits the target.
func builtIn(model source, target drafter.Target, p params) (*attachment, error) {
	for _, w := range weights.All() {
		a, err := build(bytes.NewReader(w.GGUF), model, target, p)
		if errors.Is(err, net.ErrTarget) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("built-in drafter %s: %w", w.Name, err)
		}
		return a, nil
	}
	return nil, fmt.Errorf("%w: no built-in drafter is for this model; train one and name its file by params.model", base.ErrUnsupported)
}

func build(drafterFile, model source, target drafter.Target, p params) (*attachment, error) {
	f, err := net.Open(drafterFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", base.ErrInvalid, err)
	}
	t, err := net.OpenTarget(model)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", base.ErrUnsupported, err)
	}
	n, err := net.New(f, t)
	switch {
	case errors.Is(err, net.ErrTarget):
		return nil, fmt.Errorf("%w: %w", base.ErrUnsupported, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", base.ErrInvalid, err)
	case target.Width != n.Width || target.Layers != n.TargetLayers || target.Vocabulary != n.TargetVocab:
		return nil, fmt.Errorf("%w: the target is said to have %d tokens, %d layers and a width of %d, its file has %d, %d and %d",
			base.ErrUnsupported, target.Vocabulary, target.Layers, target.Width, n.TargetVocab, n.TargetLayers, n.Width)
	}
	return newAttachment(n, target, p), nil
}
