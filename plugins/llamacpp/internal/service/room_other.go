//go:build !linux

package service

// freeMemory is how many bytes can be had without swapping, 0 when unknown.
func freeMemory() int64 { return 0 }
