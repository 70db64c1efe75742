package executor

import (
	"sync/atomic"
	"unsafe"

	"github.com/kakeyad/kakeyad/core/decode/engine"
)

// Rows is what the cache holds of one layer's keys or values: Data has a row a position.
type Rows struct {
	Layer int
	Data  []byte
}

// Trips is how many calls of the codec the last step made without Go.
func (x *Executor) Trips() int {
	_, trips := x.taps.Calls(tapped)
	return trips
}

// Asked returns a function that says whether the codec has not answered a call made without Go, which the next step may
// be in.
func (x *Executor) Asked() func() bool {
	state := (*uint32)(unsafe.Pointer(unsafe.SliceData(x.live.direct.Lane)))
	return func() bool { return atomic.LoadUint32(state) == 1 }
}

// Rows reads positions [from, to) of a sequence, keys and values of each layer in turn.
func (x *Executor) Rows(seq engine.SeqID, from, to int32) []Rows {
	spots, ok := x.ctx.FindCells(int32(seq), from, to)
	if !ok {
		return nil
	}
	var out []Rows
	for _, r := range x.cells.rows {
		data := make([]byte, r.RowBytes()*int(to-from))
		r.Read(spots[r.Cache], data)
		out = append(out, Rows{r.layer, data})
	}
	return out
}
