//go:build !linux && !darwin

package pool

func machineMemory() int64 { return 0 }
