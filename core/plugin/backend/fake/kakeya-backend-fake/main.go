// Command kakeya-backend-fake is the fake backend as a plugin, for tests of the host. The
// environment variable KAKEYA_FAKE configures it, see package fake. With "start" it fails before
// it serves: "exit" ends at once, "hang" never answers the handshake, "version" speaks an API
// version of the future, "kind" says that it is a codec.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/backend/fake"
	"github.com/kakeyad/kakeyad/core/plugin/base"
)

func main() {
	config, err := fake.ConfigFromEnv()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if !config.StartsBadly() {
		config.Start = ""
	}
	switch config.Start {
	case "exit":
		fmt.Fprintln(os.Stderr, "told to exit")
		os.Exit(1)
	case "hang":
		base.EndWithParent(base.NewLogger(os.Stderr))
		select {}
	case "version":
		serveFuture(fake.New(config))
	default:
		backend.Serve(fake.New(config), backend.ServeOptions{})
	}
}

// serveFuture serves as base.Serve does, but for the version.
func serveFuture(impl backend.Backend) {
	handshake := base.Handshake
	handshake.ProtocolVersion++
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         plugin.PluginSet{string(base.KindBackend): &backend.Plugin{Impl: impl, Log: base.NewLogger(os.Stderr)}},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, base.ServerOptions()...)...)
		},
	})
}
