package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Attached is a drafter that the host has introduced to a backend, at work for one model. Safe for concurrent use.
type Attached struct {
	target drafter.Target
	life   context.Context // ends with Close
	end    context.CancelFunc

	mu  sync.Mutex
	now *attachment // nil: closed
}

// attachment is one, and the link that it has to itself.
type attachment struct {
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
	now, err := attach(ctx, b, target)
	if err != nil {
		return nil, err
	}
	a := &Attached{target: target, now: now}
	a.life, a.end = context.WithCancel(context.Background())
	return a, nil
}

func attach(ctx context.Context, b *backend.Link, target drafter.Target) (*attachment, error) {
	linked, err := drafter.Dial(ctx, link.Ticket{Address: b.Address, Secret: b.Secret}, link.Options{
		Memory: linkMemory, Lanes: 4, Grace: draftPatience, Patience: b.Patience,
	})
	if err != nil {
		return nil, fmt.Errorf("drafter %q: %w", b.Plugin, err)
	}
	limited, cancel := context.WithTimeout(ctx, attachTime)
	defer cancel()
	made, err := linked.Attach(limited, target, b.Params)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("%w: attaching took longer than %v", base.ErrHung, attachTime)
	}
	if err != nil {
		return nil, fmt.Errorf("drafter %q: %w: %w", b.Plugin, backend.ErrDrafter, errors.Join(err, linked.Close()))
	}
	return &attachment{made, linked}, nil
}

func (a *attachment) close() error { return errors.Join(a.Attachment.Close(), a.linked.Close()) }

// Drafter is what an engine is made with. It is closed with Attached.
func (a *Attached) Drafter() drafter.Attachment {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now.Attachment
}

// Redraft attaches the drafter of another binding in place of the one that is there, and has the engine use it. With an error
// all stays as it was.
//
// Errors: those of AttachDrafter and [Engine.Redraft], backend.ErrModelNotLoaded once it is closed.
func (a *Attached) Redraft(ctx context.Context, e *Engine, b *backend.Link) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.life, cancel)()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now == nil {
		return backend.ErrModelNotLoaded
	}
	fresh, err := attach(ctx, b, a.target)
	if err != nil {
		return err
	}
	if err := e.Redraft(fresh.Attachment); err != nil {
		return errors.Join(fmt.Errorf("drafter %q: %w", b.Plugin, err), fresh.close())
	}
	old := a.now
	a.now = fresh
	_ = old.close() // most likely it is gone, and has nothing to free
	return nil
}

// Close detaches the drafter and ends the link. It may be called again.
func (a *Attached) Close() error {
	a.end()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now == nil {
		return nil
	}
	err := a.now.close()
	a.now = nil
	return err
}
