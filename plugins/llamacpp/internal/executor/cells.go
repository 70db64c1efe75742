package executor

import (
	"github.com/kakeyad/kakeyad/core/plugin/codec"
	"github.com/kakeyad/kakeyad/plugins/llamacpp/internal/binding"
)

// rowsOf is one layer's keys or values in the cache.
type rowsOf struct {
	binding.Rows
	layer int
	part  codec.Part
}

// cells are the KV cache's, read and written directly between steps.
type cells struct {
	ctx  *binding.Context
	rows []rowsOf // keys and values of each layer, in this order, layers in theirs
}

// newCells returns nil when the cache is of a kind whose cells cannot be got at.
func newCells(ctx *binding.Context, layers int) *cells {
	list, ok := ctx.CacheLayers(layers)
	if !ok {
		return nil
	}
	c := &cells{ctx: ctx}
	for _, l := range list {
		c.rows = append(c.rows, rowsOf{l.K, l.Layer, codec.Key}, rowsOf{l.V, l.Layer, codec.Value})
	}
	return c
}
