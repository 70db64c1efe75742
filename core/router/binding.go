package router

import (
	"context"
	"fmt"
	"slices"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// binding is a plugin that a model is bound to, introduced to its backend. It is good for one load:
// its ticket lets one backend in.
type binding struct {
	kind base.Kind
	name string
	link *backend.Link
	gone <-chan struct{}

	condemn func(reason error)
	again   func(ctx context.Context) (*binding, error) // makes one like it, with the process that is there then
}

// bind starts a plugin if need be and gets a ticket for one backend.
func (r *Router) bind(ctx context.Context, kind base.Kind, name string, params func(base.Info) map[string]string) (*binding, error) {
	plugin, err := r.plugins.Linked(ctx, kind, name)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", kind, name, err)
	}
	b := &binding{kind: kind, name: name, gone: plugin.Gone, condemn: plugin.Condemn}
	if b.condemn == nil {
		b.condemn = func(error) {}
	}
	var ticket link.Ticket
	late, err := within(ctx, r.patience, func(ctx context.Context) (err error) {
		ticket, err = plugin.OpenLink(ctx)
		return err
	})
	if late {
		err = fmt.Errorf("%w: opening a link took longer than %v", base.ErrHung, r.patience)
		b.condemn(err)
		return nil, faultError(kind, name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %q: open a link: %w", kind, name, err)
	}
	b.again = func(ctx context.Context) (*binding, error) { return r.bind(ctx, kind, name, params) }
	b.link = &backend.Link{
		Plugin: name, Address: ticket.Address, Secret: ticket.Secret, Params: params(plugin.Info), Patience: r.patience,
	}
	return b, nil
}

// bindAll binds what the channel names: its codec and its drafter.
func (r *Router) bindAll(ctx context.Context, c *channel.Channel) (links backend.Bindings, all []*binding, err error) {
	add := func(kind base.Kind, name string, params func(base.Info) map[string]string) *backend.Link {
		if err != nil {
			return nil
		}
		var b *binding
		if b, err = r.bind(ctx, kind, name, params); err != nil {
			return nil
		}
		all = append(all, b)
		return b.link
	}
	if c.Codec != nil {
		links.Codec = add(base.KindCodec, c.Codec.Name, c.CodecParams)
	}
	if c.Drafter != nil {
		links.Drafter = add(base.KindDrafter, c.Drafter.Name, func(base.Info) map[string]string { return c.Drafter.Params })
	}
	return links, all, err
}

// watchBindings ends the model when its codec dies: its cache cannot be packed any more. Without its
// drafter it only goes on slower, until there is another. It returns at once.
func (r *Router) watchBindings(m *model) {
	for _, b := range slices.Clone(m.bindings) {
		r.workers.Go(func() {
			if b.kind == base.KindDrafter {
				r.redraft(m, b)
				return
			}
			select {
			case <-b.gone:
				m.end(fmt.Errorf("%s %q: %w: its process has ended; the model is loaded again when it is next asked for", b.kind, b.name, base.ErrPluginGone))
			case <-m.life.Done():
			}
		})
	}
}
