package channel

import (
	"maps"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
	"github.com/kakeyad/kakeyad/core/plugin/base"
	"github.com/kakeyad/kakeyad/core/plugin/codec"
)

// CodecParams are the parameters that a backend is bound to the channel's codec with: what every channel id of a codec
// has, the model for a codec that wants to know it, and what the channel says besides.
func (c *Channel) CodecParams(of base.Info) map[string]string {
	params := map[string]string{"q": strconv.Itoa(c.Codec.Q), backend.ParamBoundary: strconv.Itoa(c.Codec.Boundary)}
	if of.Has(codec.CapModel) {
		params[codec.ParamModel] = c.Model.Path
	}
	maps.Copy(params, c.Codec.Params)
	return params
}
