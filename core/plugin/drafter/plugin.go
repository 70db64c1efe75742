package drafter

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

// Serve is the whole main of a drafter plugin: it serves impl to the host and to the backends that
// the host introduces, and returns when the host has asked the plugin to end. See [base.Serve] for
// signals, logs and what happens when the host dies.
func Serve(impl Drafter, o ServeOptions) {
	if o.Log == nil {
		o.Log = base.NewLogger(os.Stderr)
	}
	server := NewServer(impl, o.Log)
	base.Serve(base.KindDrafter, &Plugin{Served: server}, o.Log)
	if err := server.Close(); err != nil {
		o.Log.Warn("close links", "err", err)
	}
}

// Plugin is the glue that go-plugin asks for. The host's end leaves it empty.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	Served *Server
}

// GRPCServer implements plugin.GRPCPlugin.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	p.Served.Register(s)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin.
func (p *Plugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}

// Plugins is what the host's plugin.ClientConfig needs to know of drafters; it takes base.Handshake
// and base.DialOptions besides.
func Plugins() plugin.PluginSet {
	return plugin.PluginSet{string(base.KindDrafter): &Plugin{}}
}

// Dispense starts the plugin of c, unless it runs already, and returns its drafter and who it is. A
// plugin of another kind or API version is ErrUnsupported. The caller kills c, also after an error.
func Dispense(ctx context.Context, c *plugin.Client) (Proxy, base.Info, error) {
	protocol, err := c.Client()
	if err != nil {
		return nil, base.Info{}, fmt.Errorf("start plugin: %w", err)
	}
	raw, err := protocol.Dispense(string(base.KindDrafter))
	if err != nil {
		return nil, base.Info{}, fmt.Errorf("dispense drafter: %w", err)
	}
	proxy, ok := raw.(Proxy)
	if !ok {
		return nil, base.Info{}, errors.New("dispense drafter: the plugin set is not drafter.Plugins()")
	}
	info, err := proxy.Info(ctx)
	if err != nil {
		return nil, base.Info{}, fmt.Errorf("ask plugin who it is: %w", err)
	}
	if err := info.Check(base.KindDrafter); err != nil {
		return nil, info, err
	}
	return proxy, info, nil
}
