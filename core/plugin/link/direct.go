package link

import (
	"fmt"
	"sync/atomic"

	"github.com/kakeyad/kakeyad/core/plugin/base"
)

// Lane is the memory of the lane that the call holds, for calls that are made by code other than Go, within a
// computation that Go's scheduler would disturb. Its layout is that of docs/link.md. Who uses it keeps the rules of the
// dialling side, has one call under way at a time, leaves Do alone and the number of the call as it is: nobody cancels it.
// A state of 3 means that the link has ended, for the reason that the next call through Go will say. The memory stays
// until End. base.ErrUnsupported: this link's bell is no futex. base.ErrPluginGone: the link has ended.
func (k *Call) Lane() ([]byte, error) {
	if k.client.cut.Load() {
		return nil, k.client.err()
	}
	if k.client.bell != BellFutex {
		return nil, fmt.Errorf("link: %w: a bell that only this package can ring", base.ErrUnsupported)
	}
	atomic.StoreUint32(k.lane.call, k.client.next.Add(1))
	at := int(k.lane.index) * laneSize
	return k.client.mapping[at : at+laneSize : at+laneSize], nil
}

// Overdue cuts a link whose peer has not answered what was asked through Lane, and returns what callers get from then on:
// base.ErrPluginGone with base.ErrHung.
func (k *Call) Overdue() error {
	k.client.overdue()
	return k.client.err()
}
