package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// ServeOptions are the choices of a plugin's main.
type ServeOptions struct {
	Log *slog.Logger // of the plugin; nil: base.NewLogger(os.Stderr)
}

// Serve is the whole main of a backend plugin: it serves impl and returns when the host has asked
// the plugin to end. See [base.Serve] for signals, logs and what happens when the host dies.
func Serve(impl Backend, o ServeOptions) {
	if o.Log == nil {
		o.Log = base.NewLogger(os.Stderr)
	}
	base.Serve(base.KindBackend, &Plugin{Impl: impl, Log: o.Log}, o.Log)
}

// Plugin is the glue that go-plugin asks for. The host's end leaves it empty.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	Impl Backend
	Log  *slog.Logger
}

// GRPCServer implements plugin.GRPCPlugin.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	Register(s, p.Impl, p.Log)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin.
func (p *Plugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}

// Plugins is what the host's plugin.ClientConfig needs to know of backends; it takes
// base.Handshake and base.DialOptions besides.
func Plugins() plugin.PluginSet {
	return plugin.PluginSet{string(base.KindBackend): &Plugin{}}
}

// Dispense starts the plugin of c, unless it runs already, and returns its backend and who it is.
// A plugin of another kind or API version is ErrUnsupported. The caller kills c, also after an
// error.
func Dispense(ctx context.Context, c *plugin.Client) (Proxy, base.Info, error) {
	protocol, err := c.Client()
	if err != nil {
		return nil, base.Info{}, fmt.Errorf("start plugin: %w", err)
	}
	raw, err := protocol.Dispense(string(base.KindBackend))
	if err != nil {
		return nil, base.Info{}, fmt.Errorf("dispense backend: %w", err)
	}
	b, ok := raw.(Proxy)
	if !ok {
		return nil, base.Info{}, errors.New("dispense backend: the plugin set is not backend.Plugins()")
	}
	info, err := b.Info(ctx)
	if err != nil {
		return nil, base.Info{}, fmt.Errorf("ask plugin who it is: %w", err)
	}
	if err := info.Check(base.KindBackend); err != nil {
		return nil, info, err
	}
	return b, info, nil
}
