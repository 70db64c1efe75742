package channel

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

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
