package base

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base/basepb"
)

// Guard turns what an implementation did into what gRPC carries. A server defers it at the top of
// each method:
//
//	defer s.guard.Call("Generate", &err)
//
// A panic of the implementation becomes an error of that call, its stack goes to the log, and the
// plugin lives on. A panic in a goroutine that the implementation started still ends the process.
type Guard struct {
	Errors *ErrorMap
	Log    *slog.Logger
}

// Call recovers and encodes. It must be deferred directly.
func (g Guard) Call(method string, err *error) {
	if r := recover(); r != nil {
		g.Log.Error("panic in plugin", "method", method, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		*err = fmt.Errorf("%s: panic in plugin: %v", method, r)
	}
	*err = g.Errors.Encode(*err)
}

// Register serves what all kinds have in common from impl.
func Register(s grpc.ServiceRegistrar, impl Plugin, guard Guard) {
	basepb.RegisterPluginServiceServer(s, &server{impl: impl, guard: guard})
}

type server struct {
	basepb.UnimplementedPluginServiceServer
	impl  Plugin
	guard Guard
}

func (s *server) Info(ctx context.Context, _ *basepb.InfoRequest) (_ *basepb.InfoResponse, err error) {
	defer s.guard.Call("Info", &err)
	info, err := s.impl.Info(ctx)
	if err != nil {
		return nil, err
	}
	m := &basepb.InfoResponse{
		Kind:        string(info.Kind),
		Name:        info.Name,
		Version:     info.Version,
		ApiVersion:  int32(info.APIVersion),
		Description: info.Description,
	}
	for _, c := range info.Capabilities {
		m.Capabilities = append(m.Capabilities, string(c))
	}
	return m, nil
}

func (s *server) Health(ctx context.Context, _ *basepb.HealthRequest) (_ *basepb.HealthResponse, err error) {
	defer s.guard.Call("Health", &err)
	h, err := s.impl.Health(ctx)
	if err != nil {
		return nil, err
	}
	return &basepb.HealthResponse{Ok: h.OK, Message: h.Message, UptimeNs: int64(h.Uptime), RssBytes: h.RSS}, nil
}
