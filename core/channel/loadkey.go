package channel

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Scoring is the channel as its distributions are measured: its codec passes every key and value
// before attention reads it, also where the channel parks alone (resident does that by itself), and there is no drafter,
// which changes no distribution. A channel that is so already is returned itself.
func (c *Channel) Scoring() *Channel {
	if c.Drafter == nil && (c.Codec == nil || c.Load.Cache.Mode == backend.CacheLive || c.Load.Cache.Mode == backend.CacheResident) {
		return c
	}
	s := *c
	s.Drafter, s.ID.Drafter = nil, ""
	if s.Codec != nil {
		s.Load.Cache = backend.CacheOptions{Mode: backend.CacheLive, Sinks: s.Load.Cache.Sinks}
	}
	s.loadKey = loadKeyOf(&s)
	return &s
}

// loadKeyOf is readable at its start and a digest of everything that loading depends on at its
// end: file.gguf:backend@codec+drafter#0123456789abcdef.
func loadKeyOf(c *Channel) string {
	// Maps are written in the order of their keys, so equal channels give equal bytes.
	text, err := json.Marshal(struct {
		Path    string
		Backend string
		Codec   *CodecSpec
		Drafter *DrafterSpec
		Load    backend.LoadOptions
	}{c.Model.Path, c.Backend, c.Codec, c.Drafter, c.Load})
	if err != nil {
		panic("channel: load key: " + err.Error()) // strings, numbers and maps of strings always marshal
	}
	sum := sha256.Sum256(text)
	id := ID{Short: filepath.Base(c.Model.Path), Backend: c.Backend}
	if c.Codec != nil {
		id.Codec = CodecID{Name: c.Codec.Name, Q: c.Codec.Q, Boundary: c.Codec.Boundary}
	}
	if c.Drafter != nil {
		id.Drafter = c.Drafter.Name
	}
	return id.String() + "#" + hex.EncodeToString(sum[:8])
}
