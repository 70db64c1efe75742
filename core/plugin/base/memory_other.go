//go:build !linux

package base

import "runtime/metrics"

// residentMemory is what the Go runtime has mapped, in bytes: memory of C code is not in it.
func residentMemory() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(sample[0].Value.Uint64())
}
