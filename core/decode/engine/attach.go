package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
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

// attachTime is how long a drafter may take to get ready for a model: it may load one of its own.
const attachTime = 5 * time.Minute

// AttachDrafter uses up the ticket of a binding and attaches the drafter to a model. The caller
// closes it, after the engine.
//
// Errors: those of [drafter.Dial] and [drafter.Drafter], with the plugin's name.
func AttachDrafter(ctx context.Context, b *backend.Link, target drafter.Target) (*Attached, error) {
	linked, err := drafter.Dial(ctx, link.Ticket{Address: b.Address, Secret: b.Secret}, link.Options{
		Memory: linkMemory, Lanes: 4, Grace: draftPatience, Patience: b.Patience,
	})
	if err != nil {
		return nil, fmt.Errorf("drafter %q: %w", b.Plugin, err)
	}
	limited, cancel := context.WithTimeout(ctx, attachTime)
	defer cancel()
	attachment, err := linked.Attach(limited, target, b.Params)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("%w: attaching took longer than %v", base.ErrHung, attachTime)
	}
	if err != nil {
		return nil, fmt.Errorf("drafter %q: %w: %w", b.Plugin, backend.ErrDrafter, errors.Join(err, linked.Close()))
	}
	return &Attached{attachment, linked}, nil
}

// Close detaches the drafter and ends the link.
func (a *Attached) Close() error { return errors.Join(a.Attachment.Close(), a.linked.Close()) }
