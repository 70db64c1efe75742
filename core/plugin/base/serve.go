package base

import (
	"log/slog"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Serve serves p as a plugin of a kind from its main and returns when the host has asked it to
// end; main should then free what it holds and return, within two seconds. Each kind has its own
// Serve, which plugins call.
//
// While it runs, the process ends at once when its parent dies, and SIGINT and SIGTERM, which a
// terminal or a service manager sends to all processes of a group, are left to the host. The host
// reads logs from the standard error of the process, see [NewLogger]; go-plugin owns os.Stdout.
func Serve(kind Kind, p plugin.Plugin, log *slog.Logger) {
	stop := EndWithParent(log)
	defer stop()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake,
		Plugins:         plugin.PluginSet{string(kind): p},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, ServerOptions()...)...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{
			Output:     os.Stderr,
			JSONFormat: true,
			Level:      hclog.LevelFromString(logLevel().String()),
		}),
	})
}
