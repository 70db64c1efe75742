package eval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/kakeyad/kakeyad/core/channel"
	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/link"
)

// Plugins finds running plugins by their names.
type Plugins interface {
	Backend(ctx context.Context, name string) (backend.Backend, error)
	Codec(ctx context.Context, name string) (codec.Proxy, error)
}

// loaded is a channel's model in its backend, and the tap between it and its codec.
type loaded struct {
	channel *channel.Channel
	backend backend.Backend
	id      backend.ModelID
	info    backend.ModelInfo

	tap       *tap // nil: the channel has no codec
	codecInfo base.Info
	linked    *codec.Linked
	server    *codec.Server
}

// load loads a channel's model for windows of so many tokens, its codec in mode live. The caller
// closes it.
func (r *run) load(ctx context.Context, c *channel.Channel) (_ *loaded, err error) {
	l := &loaded{channel: c, id: backend.ModelID("eval/" + c.Name)}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("channel %s: %w", c.Name, err), l.closeCodec())
		}
	}()
	if c.Drafter != nil {
		return nil, fmt.Errorf("%w: it has a drafter, which changes no distribution; leave %q out of its name", base.ErrUnsupported, "+"+c.Drafter.Name)
	}
	if l.backend, err = r.Plugins.Backend(ctx, c.Backend); err != nil {
		return nil, err
	}
	info, err := l.backend.Info(ctx)
	if err != nil {
		return nil, err
	}
	for _, need := range []base.Capability{backend.CapScore, backend.CapDistributions} {
		if !info.Has(need) {
			return nil, fmt.Errorf("backend %s cannot tell whole distributions (it lacks %q): %w", c.Backend, need, base.ErrUnsupported)
		}
	}
	req := backend.LoadRequest{ID: l.id, Path: c.Model.Path, Options: c.Load}
	req.Options.Context, req.Options.CacheTokens, req.Options.Parallel = r.Context, 0, 1
	req.Options.Cache.ParkAfter = 0
	if c.Codec != nil {
		req.Options.Cache.Mode = backend.CacheLive
		if req.Bindings.Codec, err = l.bind(ctx, r.Plugins, r.Log); err != nil {
			return nil, fmt.Errorf("codec %s: %w", c.Codec.Name, err)
		}
	}
	l.info, err = l.backend.LoadModel(ctx, req, nil)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// bind puts a tap before the channel's codec and makes the backend's link to it.
func (l *loaded) bind(ctx context.Context, plugins Plugins, log *slog.Logger) (*backend.Link, error) {
	spec := l.channel.Codec
	proxy, err := plugins.Codec(ctx, spec.Name)
	if err != nil {
		return nil, err
	}
	if l.codecInfo, err = proxy.Info(ctx); err != nil {
		return nil, err
	}
	ticket, err := proxy.OpenLink(ctx)
	if err != nil {
		return nil, err
	}
	if l.linked, err = codec.Dial(ctx, ticket, link.Options{}); err != nil {
		return nil, err
	}
	l.tap = &tap{Codec: l.linked}
	l.server = codec.NewServer(l.tap, log)
	if ticket, err = l.server.OpenLink(ctx); err != nil {
		return nil, err
	}
	return &backend.Link{Plugin: spec.Name, Address: ticket.Address, Secret: ticket.Secret, Params: l.channel.CodecParams(l.codecInfo)}, nil
}

// close unloads the model, also when the context has ended.
func (l *loaded) close(ctx context.Context) error {
	err := l.backend.UnloadModel(context.WithoutCancel(ctx), l.id)
	if errors.Is(err, base.ErrPluginGone) || errors.Is(err, backend.ErrModelNotLoaded) {
		err = nil
	}
	return errors.Join(err, l.closeCodec())
}

func (l *loaded) closeCodec() error {
	var err error
	if l.server != nil {
		err = l.server.Close()
	}
	if l.linked != nil {
		err = errors.Join(err, l.linked.Close())
	}
	return err
}
