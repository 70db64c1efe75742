package channel

import (
	"maps"
	"time"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// Channel is a composition, ready to be served. It is immutable and shared: do not write to it or
// to what it points at.
type Channel struct {
	Name    string   // what requests name and /v1/models lists
	ID      ID       // the composition alone
	Aliases []string // other names, sorted

	Model    Model
	Profile  *Profile // nil: none is known
	Backend  string   // plugin name
	Codec    *CodecSpec
	Drafter  *DrafterSpec
	Load     backend.LoadOptions
	Sampling backend.Sampling // what a request starts from
	Limits   Limits

	SystemPrompt string // put before a chat that has none of its own; "": none
	ChatTemplate string // Jinja source instead of the model file's own; "": the model's

	Pin     bool          // never unloaded to make room or for being idle
	Preload bool          // loaded when the daemon starts
	TTL     time.Duration // unloaded when idle so long; 0: never

	AB *AB // two channels under one name, of which the fields above show A; nil: one

	Created  time.Time // of the model file
	Warnings []string  // what its users should know, one sentence each

	loadKey string
}

// LoadKey names what has to be loaded to serve the channel. Channels with equal keys share a
// loaded model: their model file, backend, codec, drafter and load options are the same.
func (c *Channel) LoadKey() string { return c.loadKey }

// Model is a model file under a short name.
type Model struct {
	Short   string
	Path    string    // absolute
	Profile string    // short name of a profile; "": by Short or by the file's name; "none": none
	Created time.Time // modification time of the file, or when it was first looked for
	Missing bool      // there was no such file when the set was made
}

// CodecSpec says which codec packs a channel's KV cache, and how.
type CodecSpec struct {
	Name     string // a known codec; "none" is no codec
	Q        int    // 0: the profile's, else 38
	Boundary int    // Unset: the profile's, else 0
	Params   map[string]string
}

// CacheSpec says what becomes of a channel's KV cache. The zero value says nothing.
type CacheSpec struct {
	Mode      string        // where the codec acts, as backend.CacheOptions has it; "": unsaid
	ParkAfter time.Duration // idle time after which a conversation is parked; 0: unsaid, negative: never
	Recent    int           // newest tokens that stay exact, live
	Sinks     int           // first tokens that stay exact; 0: unsaid, negative: none
}

// DrafterSpec says which drafter guesses a channel's tokens, and how.
type DrafterSpec struct {
	Name   string
	Params map[string]string
}

// Limits bound what a request may ask of a channel. Zero values are no limit.
type Limits struct {
	MaxTokens       int           // most tokens of an answer; one that asks for more gets this many
	MaxPromptTokens int           // most tokens of a prompt; a longer one is refused
	Timeout         time.Duration // of a request from its arrival to the end of its answer
	Queue           int           // requests of the channel that may be open at once; more are told to come back
}

// Spec is what a configuration says of a channel. Zero values are unsaid.
type Spec struct {
	AB *ABSpec // two channels; all but the aliases is then said of them

	Model   string // short name; may be left out when the channel's name is an id
	Backend string
	Codec   *CodecSpec
	Drafter *DrafterSpec

	Load     backend.LoadOptions
	Cache    CacheSpec
	Sampling backend.Sampling
	Limits   Limits

	SystemPrompt string
	ChatTemplate string
	Aliases      []string
	Pin          bool
	Preload      bool
	TTL          time.Duration
}

func (c *CodecSpec) clone() *CodecSpec {
	if c == nil {
		return nil
	}
	d := *c
	d.Params = maps.Clone(c.Params)
	return &d
}

func (d *DrafterSpec) clone() *DrafterSpec {
	if d == nil {
		return nil
	}
	e := *d
	e.Params = maps.Clone(d.Params)
	return &e
}
