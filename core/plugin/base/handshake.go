package base

import (
	"math"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Handshake is what host and plugin of every kind must agree on before they talk. The cookie is
// no secret: it tells a person who starts a plugin by hand that it is one.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  APIVersion,
	MagicCookieKey:   "KAKEYA_PLUGIN",
	MagicCookieValue: "9c1f5b0e7d7a4c0f8f0e2b6a31f6d2a4",
}

// MaxMessage is the most bytes of one message in either direction. A larger one is ErrInvalid.
const MaxMessage = 256 << 20

// Windows of a connection. Fixed ones switch off gRPC's bandwidth estimator and its pings; these
// are large enough that a reader that is late for a moment does not stall a stream of small events, and
// that a page of KV cache is on its way whole while the one before it is read.
const (
	streamWindow = 4 << 20
	connWindow   = 16 << 20
)

// streamWorkers are goroutines of the plugin that wait for calls, their stacks grown already. A
// call beyond them gets a goroutine of its own.
const streamWorkers = 64

// DialOptions are those of the host's end of a connection.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
		grpc.WithInitialWindowSize(streamWindow),
		grpc.WithInitialConnWindowSize(connWindow),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithIdleTimeout(0),
	}
}

// ServerOptions are those of the plugin's end.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessage),
		grpc.MaxSendMsgSize(MaxMessage),
		grpc.InitialWindowSize(streamWindow),
		grpc.InitialConnWindowSize(connWindow),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.MaxConcurrentStreams(math.MaxUint32),
	}
}
