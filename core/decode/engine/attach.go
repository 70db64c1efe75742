package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Attached is a drafter that the host has introduced to a backend, at work for one model.
type Attached struct {
	drafter.Attachment
	linked *drafter.Linked
}

// linkMemory is the arena of a link to a drafter: room for the features of a large step.
const linkMemory = 1 << 30

// AttachDrafter uses up the ticket of a binding and attaches the drafter to a model. The caller
// closes it, after the engine.
//
// Errors: those of [drafter.Dial] and [drafter.Drafter], with the plugin's name.
func AttachDrafter(ctx context.Context, b *backend.Link, target drafter.Target) (*Attached, error) {
	linked, err := drafter.Dial(ctx, link.Ticket{Address: b.Address, Secret: b.Secret}, link.Options{
		Memory: linkMemory, Lanes: 4, Grace: draftPatience,
	})
	if err != nil {
		return nil, fmt.Errorf("drafter %q: %w", b.Plugin, err)
	}
	attachment, err := linked.Attach(ctx, target, b.Params)
	if err != nil {
		return nil, fmt.Errorf("drafter %q: %w", b.Plugin, errors.Join(err, linked.Close()))
	}
	return &Attached{attachment, linked}, nil
}

// Close detaches the drafter and ends the link.
func (a *Attached) Close() error { return errors.Join(a.Attachment.Close(), a.linked.Close()) }
