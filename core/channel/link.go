package channel

import (
	"maps"
	"strconv"

	"github.com/kakeyad/kakeyad/core/plugin/backend"
)

// LinkParams are the parameters that a backend is bound to the codec with: what every channel id of
// a codec has, and what the channel says besides.
func (c *CodecSpec) LinkParams() map[string]string {
	params := map[string]string{"q": strconv.Itoa(c.Q), backend.ParamBoundary: strconv.Itoa(c.Boundary)}
	maps.Copy(params, c.Params)
	return params
}
