package host

import (
	"context"

	"github.com/hashicorp/go-plugin"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/core/plugin/drafter"
)

// contract is what the host has to know of one kind of plugin.
type contract struct {
	plugins  func() plugin.PluginSet
	dispense func(ctx context.Context, c *plugin.Client, i *Instance) (base.Plugin, error)
}

// contracts are those of the kinds that the host can run.
var contracts = map[base.Kind]contract{
	base.KindBackend: {backend.Plugins, func(ctx context.Context, c *plugin.Client, i *Instance) (_ base.Plugin, err error) {
		i.Backend, i.Info, err = backend.Dispense(ctx, c)
		return i.Backend, err
	}},
	base.KindCodec: {codec.Plugins, func(ctx context.Context, c *plugin.Client, i *Instance) (_ base.Plugin, err error) {
		i.Codec, i.Info, err = codec.Dispense(ctx, c)
		i.Linker = i.Codec
		return i.Codec, err
	}},
	base.KindDrafter: {drafter.Plugins, func(ctx context.Context, c *plugin.Client, i *Instance) (_ base.Plugin, err error) {
		i.Drafter, i.Info, err = drafter.Dispense(ctx, c)
		i.Linker = i.Drafter
		return i.Drafter, err
	}},
}

// pluginSet is what go-plugin needs of a kind; empty for one that the host cannot run.
func pluginSet(kind base.Kind) plugin.PluginSet {
	if c, ok := contracts[kind]; ok {
		return c.plugins()
	}
	return plugin.PluginSet{}
}
