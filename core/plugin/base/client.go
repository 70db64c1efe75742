package base

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/kakeyad/kakeyad/core/plugin/base/basepb"
)

// Client is the host's proxy of what all kinds have in common. The proxy of a kind embeds it.
type Client struct {
	rpc    basepb.PluginServiceClient
	errors *ErrorMap
}

// NewClient talks over conn, which stays the caller's to close.
func NewClient(conn grpc.ClientConnInterface, errors *ErrorMap) *Client {
	return &Client{rpc: basepb.NewPluginServiceClient(conn), errors: errors}
}

// Info implements [Plugin].
func (c *Client) Info(ctx context.Context) (Info, error) {
	m, err := c.rpc.Info(ctx, &basepb.InfoRequest{})
	if err != nil {
		return Info{}, c.errors.Decode(ctx, err)
	}
	info := Info{
		Kind:        Kind(m.GetKind()),
		Name:        m.GetName(),
		Version:     m.GetVersion(),
		APIVersion:  int(m.GetApiVersion()),
		Description: m.GetDescription(),
	}
	for _, name := range m.GetCapabilities() {
		info.Capabilities = append(info.Capabilities, Capability(name))
	}
	return info, nil
}

// Health implements [Plugin].
func (c *Client) Health(ctx context.Context) (Health, error) {
	m, err := c.rpc.Health(ctx, &basepb.HealthRequest{})
	if err != nil {
		return Health{}, c.errors.Decode(ctx, err)
	}
	return Health{
		OK:      m.GetOk(),
		Message: m.GetMessage(),
		Uptime:  time.Duration(m.GetUptimeNs()),
		RSS:     m.GetRssBytes(),
	}, nil
}
