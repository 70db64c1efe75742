// Command kakeya-codec-int8go is a codec plugin for kakeyad: it packs each vector of the KV cache as a
// scale and 8-bit integers. See README.md.
package main

import (
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// The binary is kakeya-codec-<name>; channels name it as in @int8go-q38.
const (
	name    = "int8go"
	version = "0.1.0"
)

func main() {
	codec.Serve(newPlugin(), codec.ServeOptions{})
}

// plugin implements codec.Codec. Info and Health come from base.Self.
type plugin struct{ *base.Self }

func newPlugin() *plugin {
	return &plugin{base.NewSelf(base.Info{
		Kind: base.KindCodec, Name: name, Version: version,
		Capabilities: []base.Capability{codec.CapAffine},
		Description:  "8-bit integers with a scale for each vector",
	})}
}
