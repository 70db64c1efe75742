package main

import (
	"time"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/graph"

	"github.com/kakeyad/kakeyad/plugins/gomlx/internal/device"
)

// bandwidth is how many bytes a second a program reads and writes that changes an array in place: 2 GiB on a GPU, less where
// memory is the host's.
func bandwidth(d *device.Device) (float64, error) {
	n := 1 << 29
	if d.Shares() {
		n = 1 << 25
	}
	in := []device.Shape{{Kind: dtypes.Float32, Dims: []int{n}, Donated: true}}
	p, _, err := d.Program("bandwidth", in, func(in []*graph.Node) []*graph.Node { return []*graph.Node{graph.AddScalar(in[0], 1)} })
	if err != nil {
		return 0, err
	}
	at, err := d.Zeros(in[0])
	if err != nil {
		return 0, err
	}
	best := 0.0
	for range 20 {
		begun := time.Now()
		out, err := p.Run(at)
		if err != nil {
			return 0, err
		}
		best = max(best, 2*4*float64(n)/time.Since(begun).Seconds())
		d.Free(at)
		at = out[0].Buffer()
	}
	d.Free(at)
	return best, nil
}
