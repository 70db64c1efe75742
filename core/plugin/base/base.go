// Package base is what plugins of every kind have in common: who they are, how they feel, the
// handshake that starts them, and errors that keep their identity across the wire.
//
// A plugin is a separate process that the host starts (see core/host). It serves one kind of
// contract (backend, codec, drafter) over gRPC on a unix socket. Each kind's Go interface embeds
// [Plugin], and each kind has two implementations of it, the real one inside the plugin's process
// and a gRPC proxy inside the host's; callers cannot tell which they hold.
package base

import (
	"context"
	"fmt"
	"time"
)

// APIVersion is the version of the contracts in core/plugin. The host refuses a plugin that was
// built for another one. It rises when a change is not compatible on the wire.
const APIVersion = 1

// Kind names a contract.
type Kind string

// The kinds of plugin. A plugin binary is named kakeya-<kind>-<name>.
const (
	KindBackend Kind = "backend"
	KindCodec   Kind = "codec"
	KindDrafter Kind = "drafter"
)

// Capability announces an optional ability. Each kind documents its own.
type Capability string

// Info is what a plugin says of itself. It never changes while the plugin runs.
type Info struct {
	Kind         Kind
	Name         string // as in kakeya-<kind>-<name>
	Version      string // the plugin's own version
	APIVersion   int    // the contracts' version it was built for, see [APIVersion]
	Capabilities []Capability
	Description  string // one line for people
}

// Has says whether the plugin announced a capability.
func (i Info) Has(c Capability) bool {
	for _, have := range i.Capabilities {
		if have == c {
			return true
		}
	}
	return false
}

// Check refuses a plugin of another kind or API version with [ErrUnsupported].
func (i Info) Check(kind Kind) error {
	if i.Kind != kind {
		return fmt.Errorf("plugin %q: %w: it is a %q plugin, not a %q", i.Name, ErrUnsupported, i.Kind, kind)
	}
	if i.APIVersion != APIVersion {
		return fmt.Errorf("plugin %q: %w: it was built for API version %d, the host speaks %d",
			i.Name, ErrUnsupported, i.APIVersion, APIVersion)
	}
	return nil
}

// Health is how a plugin feels.
type Health struct {
	OK      bool
	Message string // why not, when not
	Uptime  time.Duration
	RSS     int64 // resident memory of the plugin's process in bytes, 0 when unknown
}

// Plugin is embedded by the interface of every kind. Its methods are safe for concurrent use and
// answer promptly, whatever else the plugin is doing: the host takes a Health that does not come
// back in time for a hang and restarts the plugin.
type Plugin interface {
	Info(ctx context.Context) (Info, error)
	Health(ctx context.Context) (Health, error)
}
