package channel

import (
	"fmt"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// keep resolves what becomes of the KV cache. Conversations are parked by default where a codec
// makes them small; as they are, they are parked when that is asked for. The error is about the
// key.
func (c *Channel) keep(spec CacheSpec) (key string, err error) {
	codec, acts := c.Codec != nil, spec.Mode == backend.CacheLive || spec.Mode == backend.CacheResident
	switch {
	case acts && !codec:
		return "mode", fmt.Errorf("%w: %s needs a codec", ErrRefused, spec.Mode)
	case spec.Recent > 0 && spec.Mode != backend.CacheLive:
		return "recent", fmt.Errorf("%w: it is for mode live; a conversation is parked whole", ErrRefused)
	case codec && !acts && spec.ParkAfter < 0:
		return "park_after", fmt.Errorf("%w: a codec that parks nothing does nothing: leave the codec out, or let it act live", ErrRefused)
	}
	o := backend.CacheOptions{ParkAfter: max(spec.ParkAfter, 0), Recent: spec.Recent}
	if codec {
		o.Mode, o.Sinks = backend.CacheParked, spec.Sinks
	}
	if acts {
		o.Mode = spec.Mode
	}
	c.Load.Cache, err = o.Resolve(codec)
	return "", err
}
